/// Counts what this program allocates, for tests that promise to allocate little.
#ifndef SYNCLINE_TESTS_ABI_ALLOCATION_COUNT_HPP
#define SYNCLINE_TESTS_ABI_ALLOCATION_COUNT_HPP

#include <cstddef>

std::size_t allocation_count();

#endif
