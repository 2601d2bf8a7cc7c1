#include "support.hpp"

#include <boost/test/unit_test.hpp>

using namespace fstest;

namespace {

std::string big_text(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = static_cast<char>(i * 31 + i / 251);
    }
    return out;
}

void append(const std::string& path, const std::string& text) {
    const syncline::fs::Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    BOOST_REQUIRE_EQUAL(::write(fd.get(), text.data(), text.size()),
                        static_cast<ssize_t>(text.size()));
}

} // namespace

BOOST_AUTO_TEST_SUITE(reading)

BOOST_AUTO_TEST_CASE(bodies_of_all_sizes_come_back) {
    Playground ground;
    Client client(ground);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{262143}, std::size_t{262144},
          std::size_t{262145}, std::size_t{1'000'000}}) {
        const std::string text = big_text(size);
        ground.write("f", text);
        Bytes bytes;
        BOOST_TEST(client.get("f", bytes).code == SYNCLINE_OK);
        BOOST_TEST(bytes.begins == 1);
        BOOST_TEST(bytes.item.size == size);
        BOOST_TEST((bytes.body == text));
    }
}

BOOST_AUTO_TEST_CASE(any_range_is_a_slice) {
    Playground ground;
    Client client(ground);
    const std::string text = big_text(1000);
    ground.write("f", text);
    for (const std::uint64_t offset : {0U, 1U, 500U, 999U, 1000U, 5000U}) {
        for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{500},
                                           std::uint64_t{2000}, SYNCLINE_LENGTH_ALL}) {
            Bytes bytes;
            BOOST_TEST(client.get("f", bytes, {}, offset, length).code == SYNCLINE_OK);
            const std::string expected = offset < text.size() ? text.substr(offset, length) : "";
            BOOST_TEST((bytes.body == expected));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_link_is_its_target_and_never_followed) {
    Playground ground;
    ground.write("secret", "secret");
    ground.link("link", "secret");
    Client client(ground);
    Bytes bytes;
    BOOST_TEST(client.get("link", bytes).code == SYNCLINE_OK);
    BOOST_TEST(bytes.body == "secret");
    BOOST_TEST(bytes.item.kind == SYNCLINE_KIND_LINK);
    ground.link("long", std::string(3000, 'x'));
    Bytes slice;
    BOOST_TEST(client.get("long", slice, client.stat("long").item.version, 10, 5).code ==
               SYNCLINE_OK);
    BOOST_TEST(slice.body == "xxxxx");
    Bytes none;
    BOOST_TEST(client.get("long", none, "stale").code == SYNCLINE_E_CONFLICT);
    BOOST_TEST(none.begins == 0);
}

BOOST_AUTO_TEST_CASE(a_stale_version_gives_no_bytes) {
    Playground ground;
    ground.write("f", "one");
    Client client(ground);
    const std::string version = client.stat("f").item.version;
    Bytes good;
    BOOST_TEST(client.get("f", good, version).code == SYNCLINE_OK);
    BOOST_TEST(good.item.version == version);
    ground.write("f", "two"); // same size, same mtime: only ctime tells
    Bytes bytes;
    const Outcome stale = client.get("f", bytes, version);
    BOOST_TEST(stale.code == SYNCLINE_E_CONFLICT);
    BOOST_TEST(stale.details.count("current_version") == 1U);
    BOOST_TEST(bytes.begins == 0);
}

BOOST_AUTO_TEST_CASE(a_source_that_changes_while_it_is_read_is_a_conflict) {
    const std::string text = big_text(600'000);
    const std::vector<std::function<void(const Playground&)>> changes = {
        [](const Playground& ground) { append(ground.path("f"), "x"); },
        [](const Playground& ground) {
            BOOST_REQUIRE_EQUAL(truncate(ground.path("f").c_str(), 10), 0);
        },
        [&text](const Playground& ground) { ground.write("f", text); }};
    for (const auto& change : changes) {
        Playground ground;
        ground.write("f", text);
        bool done = false;
        Tweaks tweaks;
        tweaks.during_copy = [&] {
            if (!std::exchange(done, true)) {
                change(ground);
            }
        };
        Client client(ground, tweaks);
        Bytes bytes;
        BOOST_TEST(client.get("f", bytes).code == SYNCLINE_E_CONFLICT);
    }
}

BOOST_AUTO_TEST_CASE(a_pipe_is_refused_without_waiting) {
    Playground ground;
    BOOST_REQUIRE_EQUAL(mkfifo(ground.path("pipe").c_str(), 0644), 0);
    Client client(ground);
    Bytes bytes;
    BOOST_TEST(client.get("pipe", bytes).code == SYNCLINE_E_NOT_SUPPORTED);
    BOOST_TEST(client.put("pipe", "x", {SYNCLINE_COND_ALWAYS}).code == SYNCLINE_E_CONFLICT);
    BOOST_TEST(client.remove("pipe").code == SYNCLINE_E_CONFLICT);
    BOOST_TEST(ground.exists("pipe"));
}

BOOST_AUTO_TEST_CASE(open_body_and_put_fd_copy_inside_the_kernel) {
    Playground ground;
    for (const std::size_t size : {std::size_t{0}, std::size_t{2048}, std::size_t{3'000'000}}) {
        const std::string text = big_text(size);
        ground.write("from", text);
        Client client(ground);
        Items items;
        Call call;
        syncline_get_req req{};
        req.struct_size = sizeof req;
        req.key = syncline::fs::bytes_of("from");
        req.length = SYNCLINE_LENGTH_ALL;
        std::int32_t raw = -1;
        BOOST_REQUIRE(client.endpoint.open_body(call.get(), req, items.get(), raw).ok());
        const syncline::fs::Fd fd(raw);
        BOOST_TEST(items.all.front().version == client.stat("from").item.version);
        Put how;
        how.condition = SYNCLINE_COND_ALWAYS;
        how.announced = size;
        const Outcome out = client.put_fd("to", fd.get(), how);
        BOOST_TEST(out.code == SYNCLINE_OK);
        BOOST_TEST(out.item.mtime_ns == kOld);
        BOOST_TEST((ground.read("to") == text));
        how.announced = size + 1;
        BOOST_TEST(client.put_fd("to2", fd.get(), how).code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(!ground.exists("to2"));
    }
}

BOOST_AUTO_TEST_CASE(a_body_that_changes_while_it_is_copied_becomes_no_file) {
    for (const std::size_t size : {std::size_t{2048}, std::size_t{3'000'000}}) {
        Playground ground;
        ground.write("from", big_text(size));
        bool done = false;
        Tweaks tweaks;
        tweaks.no_reflink = true;
        tweaks.during_copy = [&] {
            if (!std::exchange(done, true)) {
                append(ground.path("from"), "x");
            }
        };
        Client client(ground, tweaks);
        const syncline::fs::Fd fd(::open(ground.path("from").c_str(), O_RDONLY | O_CLOEXEC));
        BOOST_TEST(client.put_fd("to", fd.get()).code == SYNCLINE_E_CONFLICT);
        BOOST_TEST(ground.count_names() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_link_has_no_descriptor) {
    Playground ground;
    ground.link("link", "x");
    Client client(ground);
    Items items;
    Call call;
    syncline_get_req req{};
    req.struct_size = sizeof req;
    req.key = syncline::fs::bytes_of("link");
    std::int32_t fd = -7;
    BOOST_TEST(client.endpoint.open_body(call.get(), req, items.get(), fd).code() ==
               SYNCLINE_E_NOT_SUPPORTED);
    BOOST_TEST(fd == -7);
}

BOOST_AUTO_TEST_SUITE_END()
