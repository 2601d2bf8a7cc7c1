// Mistakes in the settings are told, with the place.
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace syncline;
using namespace syncline::test;

BOOST_AUTO_TEST_SUITE(fault_config)

BOOST_AUTO_TEST_CASE(mistakes_name_the_setting_and_what_is_expected) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"probability":1.5})", "'probability' must be a number from 0 to 1"},
        {R"({"probability":-0.1})", "'probability' must be a number from 0 to 1"},
        {R"({"probability":"often"})", "'probability' must be a number"},
        {R"({"seed":"x"})", "'seed' must be a whole number"},
        {R"({"op":["putt"]})", "not 'putt'"},
        {R"({"op":"put"})", "'op' must be a list of strings"},
        {R"({"status":["UNAVAILABEL"]})", "not 'UNAVAILABEL'"},
        {R"({"status":["OK"]})", "not 'OK'"},
        {R"({"nth":[0]})", "'nth' must be a list of whole numbers of at least 1"},
        {R"({"nth":3})", "'nth' must be a list of whole numbers"},
        {R"({"every":0})", "'every' must be a whole number of at least 1"},
        {R"({"from_call":4,"until_call":3})", "'until_call' must be no less than from_call"},
        {R"({"times":0})", "'times' must be a whole number of at least 1"},
        {R"({"delay_ms":-1})", "'delay_ms' must be a whole number of at least 0"},
        {R"({"delay_ms":3600001})", "'delay_ms' must be a number of milliseconds"},
        {R"({"hang":1})", "'hang' must be true or false"},
        {R"({"hang":true,"lost_ack":true})", "of hang, short_body and lost_ack"},
        {R"({"lost_ack":true,"op":["list"]})", "an operation that writes"},
        {R"({"short_body":true,"op":["put_fd"]})", "short_body can cut"},
        {R"({"probabilty":1})", "unknown setting 'probabilty'"},
        {R"({"rules":[{"op":["putt"]}]})", "'rules.0.op' must be"},
        {R"({"rules":[{},{"every":0}]})", "'rules.1.every' must be"},
        {R"({"rules":[{"seed":1}]})", "unknown setting 'seed'"},
        {R"({"rules":[1]})", "'rules.0' must be an object"},
        {R"({"rules":{}})", "'rules' must be a list of rules"},
        {R"({"rules":[],"op":["put"]})", "'op' must be inside one of the rules"},
    };
    for (const auto& [config, text] : cases) {
        const auto wrong = try_fault(config);
        BOOST_TEST(wrong.code() == Code::invalid_config, config);
        BOOST_TEST(has_text(wrong.status().message(), text), config);
    }
    BOOST_TEST(try_fault(R"({"rules":[],"seed":3,"url":"fault+memory://"})").ok());
}

BOOST_AUTO_TEST_CASE(the_schema_describes_every_setting) {
    const auto plugin = plugins().registry->find(PluginKind::connector, "fault");
    BOOST_REQUIRE(plugin.ok());
    BOOST_TEST(plugin->wraps());
    BOOST_TEST(plugin->is_transparent());
    const auto schema = nlohmann::json::parse(plugin->config_schema);
    BOOST_TEST(schema["properties"].size() == 18U);
    for (const auto& [name, property] : schema["properties"].items()) {
        BOOST_TEST(property.contains("type"), name);
        BOOST_TEST((name == "url" || property.contains("description")), name);
    }
}

BOOST_AUTO_TEST_SUITE_END()
