// Many threads at once. Run these under the thread sanitizer.
#include "support.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

using namespace fstest;

namespace {

constexpr int kThreads = 8;

// Starts all at the same moment and waits for all.
void at_once(int threads, const std::function<void(int)>& body) {
    std::atomic<int> waiting{threads};
    std::vector<std::thread> all;
    all.reserve(static_cast<std::size_t>(threads));
    for (int i = 0; i < threads; ++i) {
        all.emplace_back([&, i] {
            --waiting;
            while (waiting.load() > 0) {
                std::this_thread::yield();
            }
            body(i);
        });
    }
    for (std::thread& thread : all) {
        thread.join();
    }
}

std::vector<Tweaks> routes() {
    std::vector<Tweaks> out(4);
    out[1].no_tmpfile = true;
    out[2].no_exchange = true;
    out[3].no_tmpfile = out[3].no_noreplace = out[3].no_hard_link = out[3].no_exchange = true;
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(races)

BOOST_AUTO_TEST_CASE(of_many_creations_one_wins) {
    for (const Tweaks& tweaks : routes()) {
        Playground ground;
        Client client(ground, tweaks);
        for (int round = 0; round < 25; ++round) {
            const std::string key = "d" + std::to_string(round) + "/f";
            std::atomic<int> won{0};
            std::atomic<int> lost{0};
            std::atomic<int> winner{-1};
            at_once(kThreads, [&](int i) {
                const Outcome out = client.put(key, "body " + std::to_string(i));
                if (out.code == SYNCLINE_OK) {
                    ++won;
                    winner = i;
                } else if (out.code == SYNCLINE_E_ALREADY_EXISTS) {
                    ++lost;
                }
            });
            BOOST_TEST(won == 1);
            BOOST_TEST(lost == kThreads - 1);
            BOOST_TEST(ground.read(key) == "body " + std::to_string(winner));
        }
    }
}

BOOST_AUTO_TEST_CASE(of_many_updates_one_wins) {
    for (const Tweaks& tweaks : routes()) {
        Playground ground;
        Client first(ground, tweaks);
        Client second(ground, tweaks); // as another process would: nothing shared but the directory
        ground.write("f", "old");
        for (int round = 0; round < 25; ++round) {
            const std::string version = first.stat("f").item.version;
            std::atomic<int> won{0};
            std::atomic<int> lost{0};
            std::atomic<int> winner{-1};
            at_once(kThreads, [&](int i) {
                Client& client = i % 2 == 0 ? first : second;
                Put how{SYNCLINE_COND_IF_VERSION, version};
                how.kind = i % 3 == 0 ? SYNCLINE_KIND_LINK : SYNCLINE_KIND_OBJECT;
                const Outcome out = client.put("f", "body " + std::to_string(i), how);
                if (out.code == SYNCLINE_OK) {
                    ++won;
                    winner = i;
                } else if (out.code == SYNCLINE_E_CONFLICT) {
                    ++lost;
                }
            });
            BOOST_TEST(won == 1);
            BOOST_TEST(lost == kThreads - 1);
            Bytes bytes;
            BOOST_TEST(first.get("f", bytes).code == SYNCLINE_OK);
            BOOST_TEST(bytes.body == "body " + std::to_string(winner));
        }
        BOOST_TEST(ground.count_names() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(of_many_removals_updates_and_renames_one_wins) {
    Playground ground;
    Client client(ground);
    for (int round = 0; round < 50; ++round) {
        ground.write("f", "old");
        const std::string version = client.stat("f").item.version;
        std::atomic<int> won{0};
        at_once(kThreads, [&](int i) {
            Outcome out;
            if (i % 4 == 0) {
                out = client.put("f", "new", {SYNCLINE_COND_IF_VERSION, version});
            } else if (i % 4 == 1) {
                out = client.rename("f", "sub/g" + std::to_string(i), SYNCLINE_COND_IF_ABSENT,
                                    version);
            } else if (i % 4 == 2) {
                out = client.set_meta(
                    "f", {SYNCLINE_COND_IF_VERSION, version, SYNCLINE_KIND_OBJECT, kOld + i});
            } else {
                out = client.remove("f", SYNCLINE_COND_IF_VERSION, version);
            }
            won += out.code == SYNCLINE_OK ? 1 : 0;
        });
        BOOST_TEST(won == 1);
        std::filesystem::remove_all(ground.path("sub"));
    }
}

BOOST_AUTO_TEST_CASE(readers_see_old_or_new_and_never_a_part) {
    Playground ground;
    Client client(ground);
    const auto text = [](int i) {
        return std::string(20'000 + static_cast<std::size_t>(i % 7) * 1000,
                           static_cast<char>('a' + i % 26));
    };
    BOOST_REQUIRE_EQUAL(client.put("f", text(0)).code, SYNCLINE_OK);
    std::atomic<bool> done{false};
    std::atomic<int> reads{0};
    std::atomic<int> torn{0};
    std::vector<std::thread> readers;
    for (int r = 0; r < 2; ++r) {
        readers.emplace_back([&] {
            while (!done) {
                const std::string body = ground.read("f");
                const bool is_whole = body.size() >= 20'000 && body.size() % 1000 == 0 &&
                                      body.find_first_not_of(body[0]) == std::string::npos;
                torn += is_whole ? 0 : 1;
                ++reads;
            }
        });
    }
    for (int i = 1; i <= 1000; ++i) {
        const Outcome out = client.put("f", text(i), {SYNCLINE_COND_ALWAYS});
        BOOST_TEST(out.code == SYNCLINE_OK, out.message);
    }
    while (reads < 10) {
        std::this_thread::yield();
    }
    done = true;
    for (std::thread& reader : readers) {
        reader.join();
    }
    BOOST_TEST(torn == 0);
    BOOST_TEST(ground.count_names() == 1U);
}

BOOST_AUTO_TEST_CASE(listings_and_writes_overlap) {
    Playground ground;
    Tweaks tweaks;
    tweaks.no_tmpfile = true; // so that listings meet temporary names
    Client client(ground, tweaks);
    std::atomic<int> failed{0};
    at_once(6, [&](int i) {
        for (int n = 0; n < 150; ++n) {
            if (i < 2) {
                const std::vector<std::string> keys = client.keys();
                failed += std::is_sorted(keys.begin(), keys.end()) ? 0 : 1;
                for (const std::string& key : keys) {
                    failed += key.find(".syncline-tmp-") == std::string::npos ? 0 : 1;
                }
                continue;
            }
            const std::string key = "d" + std::to_string(n % 5) + "/f" + std::to_string(i);
            const Outcome out = client.put(key, std::string(100, 'x'), {SYNCLINE_COND_ALWAYS});
            failed += out.code == SYNCLINE_OK ? 0 : 1;
            if (n % 7 == 6) {
                failed += client.remove(key).code == SYNCLINE_OK ? 0 : 1;
            }
        }
    });
    BOOST_TEST(failed == 0);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(ground.root())) {
        BOOST_TEST(entry.path().filename().string().find(".syncline-tmp-") == std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
