#include "fakes/fake_connector.hpp"
#include "support.hpp"
#include "syncline/core/meta.hpp"

#include <fcntl.h>
#include <set>

using namespace syncline;
using namespace syncline::test;
using fakes::FakeBody;
using fakes::FakeBodySink;
using fakes::FakeItemSink;

BOOST_AUTO_TEST_SUITE(connector)

BOOST_AUTO_TEST_CASE(info_is_translated) {
    Lying lying;
    const auto info = lying.connector("good")->info({});
    BOOST_REQUIRE(info.ok());
    BOOST_TEST(info->lists_in_order);
    BOOST_TEST(info->concurrent);
    BOOST_TEST(info->sets_mtime);
    BOOST_TEST(!info->read_only);
    BOOST_TEST(info->key_rules.utf8_only);
    BOOST_TEST(info->max_concurrency == 8U);
    BOOST_TEST(info->max_object_size == UINT64_MAX);
    BOOST_TEST(info->mtime_granularity_ns == 0);
    BOOST_TEST(!lying.connector("info_short")->info({}).ok());
    BOOST_TEST(!lying.connector("info_null_scope")->info({}).ok());
}

BOOST_AUTO_TEST_CASE(a_page_of_a_listing) {
    Lying lying;
    const auto connector = lying.connector("good");
    FakeItemSink sink;
    const auto cursor = connector->list({}, {}, sink);
    BOOST_REQUIRE(cursor.ok());
    BOOST_TEST(cursor->empty());
    BOOST_REQUIRE_EQUAL(sink.items().size(), 4U);
    const Item& first = sink.items()[0];
    BOOST_TEST(first.key == "a");
    BOOST_TEST(first.version == "v1");
    BOOST_TEST(first.size == 5U);
    BOOST_TEST(first.mtime_ns == 1700000000123456789);
    BOOST_TEST(first.meta.empty());
    BOOST_TEST((sink.items()[1].kind == ItemKind::container));
    BOOST_TEST(sink.items()[1].size == kUnknownSize);
    Bytes executable;
    const MetaEntry entry{kMetaExecutable, "1"};
    encode_meta({&entry, 1}, executable);
    BOOST_TEST((sink.items()[2].meta == executable));
    BOOST_TEST((sink.items()[3].kind == ItemKind::link));

    FakeItemSink stopping(1);
    const auto more = connector->list({}, {}, stopping);
    BOOST_REQUIRE(more.ok());
    BOOST_TEST(*more == "more");
}

BOOST_AUTO_TEST_CASE(lies_in_listings_are_errors) {
    Lying lying;
    const std::pair<const char*, const char*> cases[] = {
        {"list_null", "NULL instead of items"},
        {"list_absurd", "items at once"},
        {"list_short_stride", "8 apart"},
        {"list_odd_stride", "not aligned"},
        {"list_short_struct", "16 bytes"},
        {"list_no_key", "without a key"},
        {"list_null_key", "without a key"},
        {"list_long_key", "longer than 64 KiB"},
        {"list_container_key", "does not end in '/'"},
        {"list_object_slash", "ends in '/'"},
        {"list_kind0", "without a kind"},
        {"list_bad_digest", "size of its algorithm"},
        {"list_long_version", "longer than 1 KiB"},
        {"list_null_version", "NULL with a size"},
        {"list_null_id", "NULL with a size"},
        {"list_meta_null", "NULL but counted"},
        {"list_meta_many", "more than 1024"},
        {"list_meta_twice", "one name twice"},
        {"list_meta_noname", "without a name"},
        {"list_meta_nullname", "NULL with a size"},
        {"list_two_cursors", "two cursors"},
        {"list_empty_cursor", "empty cursor"},
        {"list_long_cursor", "16 KiB"},
        {"list_after_cursor", "after the cursor"},
        {"list_too_many", "more items than the page"},
    };
    for (const auto& [how, text] : cases) {
        BOOST_TEST_CONTEXT(how) {
            FakeItemSink sink;
            ListRequest request;
            if (std::string_view(how) == "list_too_many") {
                request.max_items = 10;
            }
            const auto listed = lying.connector(how)->list({}, request, sink);
            BOOST_TEST(listed.code() == Code::internal);
            BOOST_TEST(has_text(listed.status().message(), "protocol error"));
            BOOST_TEST(has_text(listed.status().message(), "test.connector.lying"));
            BOOST_TEST(has_text(listed.status().message(), text));
            BOOST_TEST(sink.items().empty());
        }
    }
    FakeItemSink stopping(1);
    BOOST_TEST(
        has_text(lying.connector("list_after_stop")->list({}, {}, stopping).status().message(),
                 "told to end the page"));
}

BOOST_AUTO_TEST_CASE(unknown_values_are_read_as_the_policy_says) {
    Lying lying;
    FakeItemSink kind;
    BOOST_REQUIRE(lying.connector("list_kind9")->list({}, {}, kind).ok());
    BOOST_TEST((kind.items().at(0).kind == ItemKind::unsupported));
    FakeItemSink algo;
    BOOST_REQUIRE(lying.connector("list_algo99")->list({}, {}, algo).ok());
    BOOST_TEST((algo.items().at(0).hash_algo == HashAlgo::none));
    BOOST_TEST(algo.items().at(0).hash.empty());
    FakeItemSink later;
    BOOST_REQUIRE(lying.connector("list_unknown_bits")->list({}, {}, later).ok());
    BOOST_REQUIRE_EQUAL(later.items().size(), 2U);
    BOOST_TEST(later.items()[1].key == "b");
    BOOST_TEST(later.items()[1].unsettled);
    FakeItemSink meta;
    BOOST_REQUIRE(lying.connector("list_meta_two")->list({}, {}, meta).ok());
    const auto entries = decode_meta(meta.items().at(0).meta);
    BOOST_REQUIRE_EQUAL(entries.size(), 2U);
    BOOST_TEST(entries[0].name == "b");
    BOOST_TEST(entries[1].value == "1");
}

BOOST_AUTO_TEST_CASE(the_engines_own_error_wins) {
    struct Failing : ItemSink {
        Result<Flow> items(std::span<const ItemView>) override {
            ++calls;
            return Status(Code::quota_exceeded, "the spill file is full");
        }
        int calls = 0;
    };
    struct Throwing : ItemSink {
        Result<Flow> items(std::span<const ItemView>) override {
            throw std::runtime_error("a bug of the engine");
        }
    };
    Lying lying;
    for (const char* how : {"good", "list_ignores_abort", "list_hides_abort"}) {
        Failing sink;
        const auto listed = lying.connector(how)->list({}, {}, sink);
        BOOST_TEST(listed.code() == Code::quota_exceeded);
        BOOST_TEST(listed.status().message() == "the spill file is full");
        BOOST_TEST(sink.calls == 1);
    }
    Throwing sink;
    BOOST_TEST(has_text(lying.connector("good")->list({}, {}, sink).status().message(),
                        "a bug of the engine"));
}

BOOST_AUTO_TEST_CASE(stat_gives_exactly_one_item) {
    Lying lying;
    const auto item = lying.connector("good")->stat({}, "a");
    BOOST_REQUIRE(item.ok());
    BOOST_TEST(item->version == "v1");
    BOOST_TEST(lying.connector("stat_not_found")->stat({}, "a").code() == Code::not_found);
    const std::pair<const char*, const char*> cases[] = {{"stat_none", "without giving the item"},
                                                         {"stat_two", "more than one item"},
                                                         {"stat_cursor", "gave a cursor"}};
    for (const auto& [how, text] : cases) {
        const auto lie = lying.connector(how)->stat({}, "a");
        BOOST_TEST(lie.code() == Code::internal);
        BOOST_TEST(has_text(lie.status().message(), text));
    }
}

BOOST_AUTO_TEST_CASE(get_delivers_what_it_began) {
    Lying lying;
    FakeBodySink body;
    GetRequest request;
    request.key = "a";
    BOOST_REQUIRE(lying.connector("good")->get({}, request, body).ok());
    BOOST_TEST(body.bytes() == "hello");
    BOOST_TEST(body.item()->version == "v1");
    FakeBodySink unknown;
    BOOST_REQUIRE(lying.connector("get_unknown_size")->get({}, request, unknown).ok());
    BOOST_TEST(unknown.bytes() == "hello!");
    const std::tuple<const char*, Code, const char*> cases[] = {
        {"get_no_begin", Code::internal, "without beginning"},
        {"get_two_begins", Code::internal, "twice"},
        {"get_write_first", Code::internal, "before it began"},
        {"get_begin_null", Code::internal, "NULL instead of items"},
        {"get_null", Code::internal, "NULL with a size"},
        {"get_long", Code::integrity, "longer than the 5 bytes"},
        {"get_short", Code::integrity, "3 of 5 bytes"}};
    for (const auto& [how, code, text] : cases) {
        BOOST_TEST_CONTEXT(how) {
            FakeBodySink sink;
            const Status status = lying.connector(how)->get({}, request, sink);
            BOOST_TEST(status.code() == code);
            BOOST_TEST(has_text(status.message(), text));
        }
    }
}

BOOST_AUTO_TEST_CASE(put_passes_body_item_and_intent) {
    Lying lying;
    const auto connector = lying.connector("good");
    PutRequest request;
    request.key = "a";
    request.idempotency = "0123456789abcdef";
    request.item.size = 7;
    FakeBody body("content", 3);
    const auto item = connector->put({}, request, body);
    BOOST_REQUIRE(item.ok());
    BOOST_TEST(item->version == "0123456789abcdef|content|2|9|0"); // SIZE and META, no entries
    BOOST_TEST(item->size == 7U);

    Bytes meta;
    const MetaEntry entries[] = {{"one", "1"}, {"two", ""}};
    encode_meta(entries, meta);
    request.item.meta = meta;
    FakeBody again("content");
    BOOST_TEST(connector->put({}, request, again)->version == "0123456789abcdef|content|2|9|2");

    request.idempotency = {};
    std::set<Bytes> intents;
    for (int count = 0; count < 100; ++count) {
        FakeBody small("x");
        intents.insert(connector->put({}, request, small)->version.substr(0, 16));
    }
    BOOST_TEST(intents.size() == 100U);
}

BOOST_AUTO_TEST_CASE(lies_in_writes_are_errors) {
    struct Failing : BodyReader {
        std::uint64_t size() const override { return 100; }
        Result<std::size_t> read(char*, std::size_t) override {
            return Status(Code::conflict, "the source moved");
        }
    };
    Lying lying;
    PutRequest request;
    request.key = "a";
    FakeBody body("x");
    const auto none = lying.connector("put_no_item")->put({}, request, body);
    BOOST_TEST(has_text(none.status().message(), "without giving the item"));
    FakeBody null("x");
    const auto into_null = lying.connector("put_null_read")->put({}, request, null);
    BOOST_TEST(has_text(into_null.status().message(), "into NULL"));
    for (const char* how : {"good", "put_ignores_reader"}) {
        Failing failing;
        const auto moved = lying.connector(how)->put({}, request, failing);
        BOOST_TEST(moved.code() == Code::conflict);
        BOOST_TEST(moved.status().message() == "the source moved");
    }
    const Status removed = lying.connector("good")->remove({}, {});
    BOOST_TEST(removed.code() == Code::conflict);
    BOOST_TEST(removed.detail("current_version") == "v9");
}

BOOST_AUTO_TEST_CASE(optional_interfaces) {
    Lying lying;
    const auto connector = lying.connector("good");
    BOOST_REQUIRE(connector->renamer() != nullptr);
    RenameRequest rename;
    rename.from_key = "a";
    rename.to_key = "z";
    BOOST_TEST(connector->renamer()->rename({}, rename)->key == "z");
    BOOST_REQUIRE(connector->meta_writer() != nullptr);
    PutRequest meta;
    meta.key = "a";
    meta.item.mtime_ns = 77;
    BOOST_TEST(connector->meta_writer()->set_meta({}, meta)->mtime_ns == 77);
    BOOST_REQUIRE(connector->local_bodies() != nullptr);
    int number = -1;
    {
        auto local = connector->local_bodies()->open_body({}, {});
        BOOST_REQUIRE(local.ok());
        number = local->fd();
        BOOST_TEST(::fcntl(number, F_GETFD) >= 0);
        BOOST_TEST(local->item().version == "v1");
        BOOST_TEST(connector->local_bodies()->put_fd({}, meta, number).ok());
    }
    BOOST_TEST(::fcntl(number, F_GETFD) < 0);
    BOOST_TEST(!lying.connector("open_no_fd")->local_bodies()->open_body({}, {}).ok());
    BOOST_TEST(!lying.connector("open_no_item")->local_bodies()->open_body({}, {}).ok());
    BOOST_TEST(::fcntl(number, F_GETFD) < 0); // its descriptor was closed too
}

BOOST_AUTO_TEST_SUITE_END()
