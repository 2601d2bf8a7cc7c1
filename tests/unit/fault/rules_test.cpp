// Which calls are struck.
#include "support.hpp"

#include <algorithm>
#include <map>
#include <random>

using namespace syncline;
using namespace syncline::test;

namespace {

std::vector<std::string> many_keys(std::size_t count) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) {
        keys.push_back("key" + std::to_string(i));
    }
    return keys;
}

} // namespace

BOOST_AUTO_TEST_SUITE(rules)

BOOST_AUTO_TEST_CASE(by_default_a_tenth_of_the_calls_is_unavailable) {
    const auto store = fault(R"({"seed":1})");
    int failed = 0;
    for (const std::string& key : many_keys(2000)) {
        const Status status = store->stat({}, key).status();
        if (injected(status)) {
            ++failed;
            BOOST_REQUIRE(status.code() == Code::unavailable);
        } else {
            BOOST_REQUIRE(status.code() == Code::not_found);
        }
    }
    BOOST_TEST(failed > 140);
    BOOST_TEST(failed < 260);
}

BOOST_AUTO_TEST_CASE(probability_is_kept_over_calls_on_one_key_too) {
    const auto half = fault(R"({"seed":3,"probability":0.5})");
    const std::string one = struck(*half, 1000);
    const auto hits = std::count(one.begin(), one.end(), 'x');
    BOOST_TEST(hits > 420);
    BOOST_TEST(hits < 580);
    BOOST_TEST(struck(*fault(R"({"probability":0})"), 50) == std::string(50, '.'));
    BOOST_TEST(struck(*fault(R"({"probability":1})"), 50) == std::string(50, 'x'));
}

BOOST_AUTO_TEST_CASE(a_seed_strikes_the_same_calls_in_whatever_order_they_come) {
    std::vector<std::string> keys = many_keys(400);
    const auto struck_keys = [&](const std::string& config) {
        const auto store = fault(config);
        std::map<std::string, std::string> out;
        for (int round = 0; round < 3; ++round) {
            for (const std::string& key : keys) {
                out[key] += struck(*store, {key});
            }
        }
        return out;
    };
    const auto first = struck_keys(R"({"seed":7,"probability":0.3})");
    std::ranges::shuffle(keys, std::mt19937(1));
    BOOST_TEST((struck_keys(R"({"seed":7,"probability":0.3})") == first));
    BOOST_TEST((struck_keys(R"({"seed":8,"probability":0.3})") != first));
    BOOST_TEST((struck_keys(R"({"probability":0.3})") != struck_keys(R"({"probability":0.3})")));
}

BOOST_AUTO_TEST_CASE(threads_change_nothing_about_what_a_seed_strikes) {
    const TempDir root;
    const std::vector<std::string> keys = many_keys(100);
    const std::string config = R"({"seed":5,"probability":0.3})";
    std::map<std::string, std::size_t> alone;
    const auto reference = fault(config, directory(root.path()));
    constexpr int kThreads = 4;
    for (int round = 0; round < kThreads; ++round) {
        for (const std::string& key : keys) {
            alone[key] += injected(reference->stat({}, key).status()) ? 1 : 0;
        }
    }
    const auto store = fault(config, directory(root.path()));
    std::vector<std::map<std::string, std::size_t>> together(kThreads);
    {
        std::latch start(kThreads);
        std::vector<std::jthread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&, i] {
                start.arrive_and_wait();
                for (std::size_t k = 0; k < keys.size(); ++k) {
                    const std::string& key =
                        keys[(k + static_cast<std::size_t>(i) * 25) % keys.size()];
                    together[static_cast<std::size_t>(i)][key] +=
                        injected(store->stat({}, key).status()) ? 1 : 0;
                }
            });
        }
    }
    std::map<std::string, std::size_t> sum;
    for (const auto& one : together) {
        for (const auto& [key, hits] : one) {
            sum[key] += hits;
        }
    }
    BOOST_TEST((sum == alone));
}

BOOST_AUTO_TEST_CASE(calls_are_named_by_number) {
    const auto shown = [](const std::string& config, std::size_t count) {
        return struck(*fault(config), count);
    };
    BOOST_TEST(shown(R"({"nth":[2]})", 4) == ".x..");
    BOOST_TEST(shown(R"({"nth":[1,4]})", 5) == "x..x.");
    BOOST_TEST(shown(R"({"every":3})", 7) == "..x..x.");
    BOOST_TEST(shown(R"({"from_call":3})", 5) == "..xxx");
    BOOST_TEST(shown(R"({"until_call":2})", 5) == "xx...");
    BOOST_TEST(shown(R"({"from_call":2,"until_call":3})", 5) == ".xx..");
    BOOST_TEST(shown(R"({"probability":1,"times":2})", 5) == "xx...");
    BOOST_TEST(shown(R"({"every":2,"times":2})", 8) == ".x.x....");
    BOOST_TEST(shown(R"({"nth":[2],"probability":0})", 4) == "....");
}

BOOST_AUTO_TEST_CASE(numbers_count_all_matching_calls_or_each_key_apart) {
    const std::vector<std::string> keys = {"a", "b", "a", "b", "a"};
    BOOST_TEST(struck(*fault(R"({"nth":[2]})"), keys) == ".x...");
    BOOST_TEST(struck(*fault(R"({"nth":[2],"per_key":true})"), keys) == "..xx.");
    BOOST_TEST(struck(*fault(R"({"probability":1,"times":1,"per_key":true})"), keys) == "xx...");
    // Calls that do not match are not counted.
    const auto store = fault(R"({"nth":[2],"op":["stat"],"key":["b"]})");
    BOOST_TEST(get(*store, "b").code() == Code::not_found);
    BOOST_TEST(struck(*store, keys) == "...x.");
    // Per key is per operation too.
    const auto both = fault(R"({"nth":[2],"per_key":true})");
    BOOST_TEST(get(*both, "a").code() == Code::not_found);
    BOOST_TEST(struck(*both, {"a", "a"}) == ".x");
}

BOOST_AUTO_TEST_CASE(keys_are_chosen_by_globs) {
    const auto strikes = [](const std::string& pattern, const std::string& key) {
        return struck(*fault(R"({"probability":1,"key":[")" + pattern + R"("]})"), {key}) == "x";
    };
    for (const auto& [pattern, key] :
         std::vector<std::pair<std::string, std::string>>{{"a", "a"},
                                                          {"a", "d/a"},
                                                          {"*.txt", "d/e/x.txt"},
                                                          {"?", "d/x"},
                                                          {"d/*", "d/x"},
                                                          {"/d/*", "d/x"},
                                                          {"d/**", "d/e/x"},
                                                          {"**/x", "d/e/x"},
                                                          {"**", "d/e/x"},
                                                          {"*", "d/e/x"},
                                                          {"d", "d/"},
                                                          {"d/", "d/"},
                                                          {"*/", "d/e/"},
                                                          {"a*b*c", "axxbyyc"},
                                                          {"a*c", "ac"},
                                                          {"a**", "a"},
                                                          {"?b?", "abc"},
                                                          {"**/*.c", "x/y/z.c"},
                                                          {"**x", "d/x"}}) {
        BOOST_TEST(strikes(pattern, key), pattern << " should match " << key);
    }
    for (const auto& [pattern, key] :
         std::vector<std::pair<std::string, std::string>>{{"a", "b"},
                                                          {"a", "a/b"},
                                                          {"d/*", "d/e/x"},
                                                          {"/x", "d/x"},
                                                          {"d/", "d"},
                                                          {"*/", "d/e"},
                                                          {"d?x", "d/x"},
                                                          {"a*b*c", "axxbyy"},
                                                          {"*.txt", "txt"},
                                                          {"a", "ab"},
                                                          {"??", "a"},
                                                          {"a*c", "a/c"},
                                                          {"**c", "a/b"},
                                                          {"d/**", "e/d/x"}}) {
        BOOST_TEST(!strikes(pattern, key), pattern << " should not match " << key);
    }
    // Time that doubles with each star would not end.
    BOOST_TEST(!strikes("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(250, 'a')));
    // A rule about keys leaves alone what has none.
    const auto store = fault(R"({"probability":1,"key":["**"]})");
    BOOST_TEST(store->check({}).ok());
    BOOST_TEST(store->flush({}).ok());
    BOOST_TEST(injected(store->stat({}, "a").status()));
}

BOOST_AUTO_TEST_CASE(operations_are_struck_by_name_and_no_others) {
    const TempDir root;
    const auto do_all = [&](Connector& files) {
        std::map<std::string, Status> out;
        GetRequest read;
        read.key = "a";
        PutRequest write;
        write.key = "c";
        write.condition = Condition::always;
        write.item.size = 1;
        write_all(root / "a", "1");
        const auto body = directory(root.path())->local_bodies()->open_body({}, read);
        BOOST_REQUIRE(body.ok());
        FakeItemSink items;
        out["info"] = files.info({}).status();
        out["check"] = files.check({});
        out["list"] = files.list({}, {}, items).status();
        out["stat"] = files.stat({}, "a").status();
        out["get"] = get(files, "a").status();
        out["open_body"] = files.local_bodies()->open_body({}, read).status();
        out["put"] = put(files, "b", "2").status();
        out["put_fd"] = files.local_bodies()->put_fd({}, write, body->fd()).status();
        out["set_meta"] = [&] {
            PutRequest meta;
            meta.key = "a";
            meta.condition = Condition::always;
            meta.item.mtime_ns = 1;
            return files.meta_writer()->set_meta({}, meta).status();
        }();
        out["rename"] = [&] {
            RenameRequest rename;
            rename.from_key = "a";
            rename.to_key = "d";
            rename.condition = Condition::always;
            return files.renamer()->rename({}, rename).status();
        }();
        write_all(root / "e", "1");
        out["remove"] = remove(files, "e");
        out["flush"] = files.flush({});
        return out;
    };
    std::vector<std::string> names;
    for (const auto& [name, status] :
         do_all(*fault(R"({"probability":0})", directory(root.path())))) {
        BOOST_TEST(status.ok(), name << ": " << status.message());
        names.push_back(name);
    }
    BOOST_TEST(names.size() == 12U);
    for (const std::string& name : names) {
        const auto files =
            fault(R"({"probability":1,"op":[")" + name + R"("]})", directory(root.path()));
        for (const auto& [other, status] : do_all(*files)) {
            const bool should = other == name || (name == "get" && other == "open_body") ||
                                (name == "put" && other == "put_fd");
            BOOST_TEST(injected(status) == should,
                       "op=" << name << ", " << other << ": " << status.message());
            BOOST_TEST(status.ok() == !should);
        }
    }
    for (const auto& [name, status] :
         do_all(*fault(R"({"probability":1})", directory(root.path())))) {
        BOOST_TEST(injected(status), name);
    }
}

BOOST_AUTO_TEST_CASE(of_several_rules_the_first_that_strikes_wins) {
    const auto store = fault(R"({"rules":[
        {"nth":[2],"status":["locked"]},
        {"op":["stat"],"from_call":2,"status":["io"]},
        {"op":["get"],"probability":1,"status":["timeout"]}]})");
    BOOST_TEST(store->stat({}, "a").code() == Code::not_found);
    BOOST_TEST(store->stat({}, "a").code() == Code::locked);
    BOOST_TEST(store->stat({}, "a").code() == Code::io);
    BOOST_TEST(get(*store, "a").code() == Code::timeout);
}

BOOST_AUTO_TEST_SUITE_END()
