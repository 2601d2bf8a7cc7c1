#include "syncline/core/intent.hpp"

#include <cstdint>
#include <cstring>
#include <random>

namespace syncline {

namespace {

// xoshiro256**: of its 256 bits of state, each thread of each process draws its own.
std::uint64_t next_word() {
    static thread_local std::array<std::uint64_t, 4> state = [] {
        std::random_device device;
        std::array<std::uint64_t, 4> seed{};
        for (std::uint64_t& word : seed) {
            word = (std::uint64_t{device()} << 32) | device();
        }
        seed[0] |= 1; // all zero would stay so
        return seed;
    }();
    const auto rotate = [](std::uint64_t value, unsigned by) {
        return (value << by) | (value >> (64 - by));
    };
    const std::uint64_t result = rotate(state[1] * 5, 7) * 9;
    const std::uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

} // namespace

Intent::Intent() {
    const std::array<std::uint64_t, 2> words = {next_word(), next_word()};
    static_assert(sizeof words == sizeof bytes_);
    std::memcpy(bytes_.data(), words.data(), bytes_.size());
}

} // namespace syncline
