// What a file has beside its content: told before it is copied, kept where it is written over.
#include "attributes.hpp"

#include "support.hpp"

#include <boost/test/unit_test.hpp>
#include <sys/xattr.h>

using namespace fstest;

namespace {

constexpr off_t kMegabyte = 1 << 20;

bool give_attribute(const std::string& path) {
    return setxattr(path.c_str(), "user.colour", "red", 3, 0) == 0;
}

std::string attribute_of(const std::string& path) {
    char value[16];
    const ssize_t size = getxattr(path.c_str(), "user.colour", value, sizeof value);
    return size < 0 ? "<none>" : std::string(value, static_cast<std::size_t>(size));
}

std::uint64_t stored(const std::string& path) {
    struct stat state {};
    return ::stat(path.c_str(), &state) == 0 ? static_cast<std::uint64_t>(state.st_blocks) * 512
                                             : 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(attributes)

BOOST_AUTO_TEST_CASE(a_listing_tells_hard_links_and_holes) {
    const Playground ground;
    ground.write("plain", "text");
    ground.write("one", "text");
    BOOST_REQUIRE_EQUAL(::link(ground.path("one").c_str(), ground.path("two").c_str()), 0);
    ground.write("holes", "text");
    BOOST_REQUIRE_EQUAL(truncate(ground.path("holes").c_str(), 4 * kMegabyte), 0);
    Client client(Client::settings(ground));
    std::map<std::string, std::uint64_t> flags;
    for (const Seen& item : client.list()) {
        flags[item.key] = item.flags & ~SYNCLINE_ITEM_UNSETTLED;
    }
    BOOST_TEST(flags["plain"] == 0U);
    BOOST_TEST(flags["one"] == SYNCLINE_ITEM_HARD_LINKED);
    BOOST_TEST(flags["two"] == SYNCLINE_ITEM_HARD_LINKED);
    BOOST_TEST(flags["holes"] == SYNCLINE_ITEM_HOLES);
}

BOOST_AUTO_TEST_CASE(attributes_show_when_a_file_is_read_and_survive_an_update_of_it) {
    const Playground ground;
    ground.write("f", "text");
    if (!give_attribute(ground.path("f"))) {
        return; // a file system without them
    }
    const syncline::fs::Fd fd(::open(ground.path("f").c_str(), O_RDONLY | O_CLOEXEC));
    BOOST_TEST(syncline::fs::attribute_flags(fd.get()) == SYNCLINE_ITEM_ATTRIBUTES);
    Client client(Client::settings(ground));
    Put how;
    how.condition = SYNCLINE_COND_ALWAYS;
    BOOST_TEST(client.put("f", "changed", how).code == SYNCLINE_OK);
    BOOST_TEST(ground.read("f") == "changed");
    BOOST_TEST(attribute_of(ground.path("f")) == "red");
    BOOST_TEST(client.put("g", "new").code == SYNCLINE_OK);
    BOOST_TEST(attribute_of(ground.path("g")) == "<none>");
}

BOOST_AUTO_TEST_CASE(a_copy_keeps_holes_at_the_beginning_within_and_at_the_end) {
    const Playground ground;
    ground.write("source", "");
    {
        const syncline::fs::Fd fd(::open(ground.path("source").c_str(), O_WRONLY | O_CLOEXEC));
        const std::string text(300'000, 'x');
        for (const off_t at : {off_t{1} << 20, off_t{4} << 20}) {
            BOOST_REQUIRE_EQUAL(pwrite(fd.get(), text.data(), text.size(), at),
                                static_cast<ssize_t>(text.size()));
        }
        BOOST_REQUIRE_EQUAL(ftruncate(fd.get(), 8 * kMegabyte), 0);
    }
    Tweaks tweaks;
    tweaks.no_reflink = true;
    Client client(Client::settings(ground, tweaks));
    const syncline::fs::Fd fd(::open(ground.path("source").c_str(), O_RDONLY | O_CLOEXEC));
    BOOST_TEST(client.put_fd("copy", fd.get()).code == SYNCLINE_OK);
    BOOST_TEST((ground.read("copy") == ground.read("source")));
    BOOST_TEST(stored(ground.path("copy")) <= stored(ground.path("source")) + 65'536);
}

BOOST_AUTO_TEST_SUITE_END()
