#include "syncline/orchestrate/location.hpp"

#include "fakes/fake_registry.hpp"
#include "fakes/world.hpp"

#include <fstream>

using namespace syncline;

namespace {

PluginDescription connector(const std::string& name, const std::string& schema,
                            std::vector<std::string> features = {}) {
    PluginDescription plugin;
    plugin.id = "test.connector." + name;
    plugin.schemes = {name};
    plugin.features = std::move(features);
    plugin.config_schema = schema;
    return plugin;
}

// Knows `file`, the wrappers `glass` (transparent) and `crypt`, and `plus+two`.
class Registry : public fakes::FakeRegistry {
public:
    Result<PluginDescription> find_scheme(std::string_view scheme) const override {
        const PluginDescription* best = nullptr;
        for (const PluginDescription& plugin : plugins_) {
            const std::string& own = plugin.schemes[0];
            const bool fits = scheme == own || scheme.starts_with(own + "+");
            if (fits && (best == nullptr || best->schemes[0].size() < own.size())) {
                best = &plugin;
            }
        }
        return best != nullptr ? Result<PluginDescription>(*best)
                               : Status(Code::not_found, "no such scheme");
    }

private:
    std::vector<PluginDescription> plugins_ = {
        connector("file", R"({"additionalProperties":false,"properties":{
            "url":{},"depth":{"type":"integer"},"share":{"type":"string"}}})"),
        connector("glass", R"({"additionalProperties":false,"properties":{
            "url":{},"share":{"type":"number"},"rules":{"type":"array","items":{"type":"object"}}}})",
                  {"wrapper", "transparent"}),
        connector("crypt", "{}", {"wrapper"}),
        connector("plus+two", "{}"),
    };
};

Result<Location> parse(std::string_view text) { return parse_location(text, Registry()); }

Result<std::string> connector_config(const Location& location, const PluginDescription& plugin) {
    const Result<std::vector<std::string>> configs = connector_configs(location, plugin);
    return configs.ok() ? Result<std::string>(configs->back()) : configs.status();
}

std::vector<std::string> configs_of(const std::string& url) {
    const Result<Location> location = parse(url);
    BOOST_REQUIRE_MESSAGE(location.ok(), location.status().message());
    const Result<std::vector<std::string>> configs =
        connector_configs(*location, *Registry().find_scheme(location->scheme));
    BOOST_REQUIRE_MESSAGE(configs.ok(), configs.status().message());
    return *configs;
}

} // namespace

BOOST_AUTO_TEST_SUITE(location)

BOOST_AUTO_TEST_CASE(a_directory_is_the_same_place_however_it_is_written) {
    const fakes::TemporaryDirectory directory;
    const std::string path = directory.path().string();
    const Result<Location> plain = parse(path);
    BOOST_REQUIRE(plain.ok());
    for (const std::string& text :
         {path + "/", path + "/.", "file://" + path, "file://localhost" + path}) {
        const Result<Location> same = parse(text);
        BOOST_REQUIRE(same.ok());
        BOOST_TEST(same->canonical == plain->canonical);
        BOOST_TEST(same->url == plain->url);
    }
}

BOOST_AUTO_TEST_CASE(odd_bytes_in_a_directory_survive_the_url) {
    const fakes::TemporaryDirectory directory;
    const std::filesystem::path odd = directory.path() / "a b%20?\xff";
    std::filesystem::create_directory(odd);
    const Result<Location> location = parse(odd.native());
    BOOST_REQUIRE(location.ok());
    BOOST_TEST(location->url.ends_with("/a%20b%2520%3F%FF"));
    BOOST_TEST(parse(location->url)->canonical == location->canonical);
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_no_directory_is_named) {
    const fakes::TemporaryDirectory directory;
    const Result<Location> missing = parse((directory.path() / "nope").string());
    BOOST_REQUIRE(missing.ok());
    BOOST_TEST(missing->missing.find("nope") != std::string::npos);
    std::ofstream(directory.path() / "file") << "x";
    BOOST_TEST(!parse((directory.path() / "file").string())->missing.empty());
    BOOST_TEST((parse("").code() == Code::invalid_config));
}

BOOST_AUTO_TEST_CASE(user_info_and_query_are_kept_from_people) {
    const Result<Location> location = parse("s3://me:secret@host/bucket/?region=x");
    BOOST_REQUIRE(location.ok());
    BOOST_TEST(location->canonical == "s3://host/bucket");
    BOOST_TEST(location->query == "region=x");
}

BOOST_AUTO_TEST_CASE(query_values_take_the_types_of_the_schema) {
    PluginDescription plugin;
    plugin.id = "x.connector.y";
    plugin.config_schema = R"({"type":"object","additionalProperties":false,"properties":{
        "url":{"type":"string"},"count":{"type":"integer"},"share":{"type":"number"},"deep":{"type":"boolean"},
        "status":{"type":"array","items":{"type":"string"}}}})";
    Location location;
    location.url = "y://z";
    location.query = "count=3&share=0.5&deep&status=a&status=b%20c";
    const Result<std::string> config = connector_config(location, plugin);
    BOOST_REQUIRE(config.ok());
    BOOST_TEST(*config ==
               R"({"count":3,"deep":true,"share":0.5,"status":["a","b c"],"url":"y://z"})");
    location.query = "count=three";
    BOOST_TEST((connector_config(location, plugin).code() == Code::invalid_config));
    location.query = "cuont=3";
    const Result<std::string> wrong = connector_config(location, plugin);
    BOOST_TEST(wrong.status().message().find("did you mean 'count'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_transparent_wrapper_is_the_same_place_and_another_one_is_not) {
    const fakes::TemporaryDirectory directory;
    const std::string path = directory.path().string();
    const Result<Location> plain = parse(path);
    BOOST_REQUIRE(plain.ok());
    for (const std::string wrapping : {"glass+", "glass+glass+"}) {
        const Result<Location> wrapped = parse(wrapping + "file://" + path + "/?share=1");
        BOOST_REQUIRE(wrapped.ok());
        BOOST_TEST(wrapped->canonical == plain->canonical);
        BOOST_TEST(wrapped->url == plain->url);
        BOOST_TEST(wrapped->directory == plain->directory);
        BOOST_TEST(wrapped->scheme == "file");
        BOOST_TEST(wrapped->missing.empty());
        BOOST_TEST(wrapped->shown == wrapping + plain->url);
        BOOST_TEST(wrapped->query == "share=1");
    }
    BOOST_TEST(parse("crypt+file://" + path)->canonical == "crypt+" + plain->url);
    BOOST_TEST(parse("glass+crypt+file://" + path)->canonical == "crypt+" + plain->url);
    BOOST_TEST(parse("crypt+glass+file://" + path)->canonical == "crypt+" + plain->url);
    BOOST_TEST(parse("crypt+glass+file://" + path)->wrappers.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_plus_belongs_to_the_scheme_unless_a_wrapper_stands_before_it) {
    BOOST_TEST(parse("plus+two://x")->wrappers.empty());
    BOOST_TEST(parse("plus+two://x")->scheme == "plus+two");
    BOOST_TEST(parse("plus+two+three://x")->scheme == "plus+two+three");
    const Result<Location> both = parse("glass+plus+two://me:secret@x/");
    BOOST_TEST(both->scheme == "plus+two");
    BOOST_TEST(both->shown == "glass+plus+two://x");
    BOOST_TEST(both->wrappers.at(0).url == "glass+plus+two://x");
    BOOST_TEST(both->url == "plus+two://me:secret@x/");
    BOOST_TEST(parse("glass://x")->wrappers.empty()); // it says itself what it needs
    BOOST_TEST(parse("glass+nosuch://x")->scheme == "nosuch");
}

BOOST_AUTO_TEST_CASE(a_wrapped_directory_that_is_missing_is_named_like_any_other) {
    const fakes::TemporaryDirectory directory;
    const std::string path = (directory.path() / "nope").string();
    BOOST_TEST(parse("glass+file://" + path)->missing == parse(path)->missing);
    BOOST_TEST(!parse("glass+file://" + path)->missing.empty());
    BOOST_TEST((parse("glass+file://relative").code() == Code::invalid_config));
}

BOOST_AUTO_TEST_CASE(options_go_to_the_outermost_connector_that_has_them) {
    const fakes::TemporaryDirectory directory;
    const std::string url = "file://" + directory.path().string();
    const std::string own = R"("url":")";
    BOOST_TEST(configs_of("glass+" + url + "?share=0.5&depth=2") ==
                   (std::vector<std::string>{"{\"share\":0.5," + own + "glass+" + url + "\"}",
                                             "{\"depth\":2," + own + url + "\"}"}),
               boost::test_tools::per_element());
    BOOST_TEST(configs_of("glass+glass+" + url + "?share=1&inner.share=2&inner.inner.share=x") ==
                   (std::vector<std::string>{"{\"share\":1.0," + own + "glass+glass+" + url + "\"}",
                                             "{\"share\":2.0," + own + "glass+" + url + "\"}",
                                             "{\"share\":\"x\"," + own + url + "\"}"}),
               boost::test_tools::per_element());
    BOOST_TEST(configs_of("glass+" + url + "?rules={\"a\":1}&rules=%7B%7D").front() ==
               "{\"rules\":[{\"a\":1},{}]," + own + "glass+" + url + "\"}");
    const Result<Location> location = parse("glass+" + url + "?dept=2");
    const auto wrong = connector_configs(*location, *Registry().find_scheme("file"));
    BOOST_TEST(wrong.status().message().find("neither test.connector.glass nor "
                                             "test.connector.file has an option 'dept'; did you "
                                             "mean 'depth'?") != std::string::npos);
    for (const char* query : {"url=x", "inner.url=x", "rules=3", "rules={", "share=nan"}) {
        const Result<Location> bad = parse("glass+" + url + "?" + query);
        BOOST_TEST((connector_configs(*bad, *Registry().find_scheme("file")).code() ==
                    Code::invalid_config),
                   query);
    }
}

BOOST_AUTO_TEST_SUITE_END()
