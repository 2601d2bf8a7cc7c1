#include "syncline/orchestrate/location.hpp"

#include "fakes/world.hpp"

#include <fstream>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(location)

BOOST_AUTO_TEST_CASE(a_directory_is_the_same_place_however_it_is_written) {
    const fakes::TemporaryDirectory directory;
    const std::string path = directory.path().string();
    const Result<Location> plain = parse_location(path);
    BOOST_REQUIRE(plain.ok());
    for (const std::string& text :
         {path + "/", path + "/.", "file://" + path, "file://localhost" + path}) {
        const Result<Location> same = parse_location(text);
        BOOST_REQUIRE(same.ok());
        BOOST_TEST(same->canonical == plain->canonical);
        BOOST_TEST(same->url == plain->url);
    }
}

BOOST_AUTO_TEST_CASE(odd_bytes_in_a_directory_survive_the_url) {
    const fakes::TemporaryDirectory directory;
    const std::filesystem::path odd = directory.path() / "a b%20?\xff";
    std::filesystem::create_directory(odd);
    const Result<Location> location = parse_location(odd.native());
    BOOST_REQUIRE(location.ok());
    BOOST_TEST(location->url.ends_with("/a%20b%2520%3F%FF"));
    BOOST_TEST(parse_location(location->url)->canonical == location->canonical);
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_no_directory_is_named) {
    const fakes::TemporaryDirectory directory;
    const Result<Location> missing = parse_location((directory.path() / "nope").string());
    BOOST_REQUIRE(missing.ok());
    BOOST_TEST(missing->missing.find("nope") != std::string::npos);
    std::ofstream(directory.path() / "file") << "x";
    BOOST_TEST(!parse_location((directory.path() / "file").string())->missing.empty());
    BOOST_TEST((parse_location("").code() == Code::invalid_config));
}

BOOST_AUTO_TEST_CASE(user_info_and_query_are_kept_from_people) {
    const Result<Location> location = parse_location("s3://me:secret@host/bucket/?region=x");
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

BOOST_AUTO_TEST_SUITE_END()
