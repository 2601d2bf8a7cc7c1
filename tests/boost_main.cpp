#define BOOST_TEST_MODULE syncline
#include <boost/test/unit_test.hpp>
