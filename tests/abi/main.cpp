#define BOOST_TEST_MODULE abi
#include <boost/test/unit_test.hpp>
