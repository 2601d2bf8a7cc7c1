#include "execute/body_pipe.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(body_pipe)

BOOST_AUTO_TEST_CASE(carries_bytes_in_order_within_its_capacity) {
    BodyPipe pipe(7);
    Bytes sent;
    for (int i = 0; i < 5'000; ++i) {
        sent += static_cast<char>(i * 31);
    }
    bool written = true; // the test library's macros are not for two threads at once
    std::thread writer([&] {
        for (std::size_t at = 0; at < sent.size(); at += 13) {
            written = pipe.write(BytesView(sent).substr(at, 13)).ok() && written;
        }
        pipe.finish({});
    });
    Bytes got;
    char buffer[5];
    while (true) {
        const Result<std::size_t> n = pipe.read(buffer, sizeof buffer);
        BOOST_REQUIRE(n.ok());
        if (*n == 0) {
            break;
        }
        got.append(buffer, *n);
    }
    writer.join();
    BOOST_TEST(written);
    BOOST_TEST((got == sent));
}

BOOST_AUTO_TEST_CASE(the_readers_leaving_wakes_the_writer) {
    BodyPipe pipe(2);
    Status result;
    std::thread writer([&] { result = pipe.write("more than fits"); });
    pipe.abandon();
    writer.join();
    BOOST_TEST((result.code() == Code::aborted));
}

BOOST_AUTO_TEST_CASE(the_writers_error_reaches_the_reader_after_its_bytes) {
    BodyPipe pipe(8);
    BOOST_REQUIRE(pipe.write("ab").ok());
    pipe.finish(Status(Code::io, "broke"));
    char buffer[8];
    BOOST_TEST(*pipe.read(buffer, 8) == 2U);
    BOOST_TEST((pipe.read(buffer, 8).code() == Code::io));
}

BOOST_AUTO_TEST_SUITE_END()
