#define BOOST_TEST_MODULE filesystem
#include <boost/test/unit_test.hpp>
