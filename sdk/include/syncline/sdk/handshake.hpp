/// The struct handshake, in the only two forms a plugin needs: load() for structs the host filled
/// and store() for structs the host wants filled.
///
/// Host structs may be shorter or longer than the ones this plugin was compiled with. load()
/// therefore copies the common prefix into a zeroed struct of our own, so that later code reads
/// plain fields and cannot over-read; fields the host does not know have their default, which is
/// zero. Arrays are walked with the stride the host gives, never with sizeof.
#ifndef SYNCLINE_SDK_HANDSHAKE_HPP
#define SYNCLINE_SDK_HANDSHAKE_HPP

#include <syncline/abi/abi.h>
#include <syncline/sdk/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>

namespace syncline::sdk {

/// Size of T in ABI 1.0, the least any writer may give. Specialise when a struct grows.
template <class T>
struct FirstSize : std::integral_constant<std::size_t, sizeof(T)> {};

namespace detail {

/// Every struct is a multiple of 8 bytes, so a size that is not can only come from a broken writer.
inline std::size_t whole_words(std::uint64_t size, std::size_t own) noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, own)) & ~std::size_t{7};
}

} // namespace detail

/// A copy of *in that is safe to read to its end. Throws ABI_MISMATCH, INVALID_ARGUMENT for NULL.
template <class T>
T load(const T* in) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (in == nullptr) {
        throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the host passed NULL for a required struct");
    }
    if (in->struct_size < FirstSize<T>::value) {
        throw Error(SYNCLINE_E_ABI_MISMATCH,
                    "the host passed a struct smaller than ABI 1.0 allows");
    }
    T own{};
    const std::size_t size = detail::whole_words(in->struct_size, sizeof(T));
    std::memcpy(static_cast<void*>(&own), in, size);
    own.struct_size = static_cast<std::uint32_t>(size);
    return own;
}

/// Requires that *out can be written; throws what store() would throw, before any work is done.
template <class T>
void check_out(const T* out) {
    if (out == nullptr) {
        throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the host passed NULL for a result struct");
    }
    if (out->struct_size < FirstSize<T>::value) {
        throw Error(SYNCLINE_E_ABI_MISMATCH,
                    "the host passed a result struct smaller than ABI 1.0 allows");
    }
}

/// Writes as much of `own` as the host has room for and tells it how much that was.
template <class T>
void store(T* out, T own) {
    static_assert(std::is_trivially_copyable_v<T>);
    check_out(out);
    const std::size_t size = detail::whole_words(out->struct_size, sizeof(T));
    own.struct_size = static_cast<std::uint32_t>(size);
    std::memcpy(static_cast<void*>(out), &own, size);
}

/// A host array of structs, `stride` bytes apart. Elements are loaded copies turned into View.
template <class T, class View>
class Strided {
public:
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = View;
        using difference_type = std::ptrdiff_t;
        using pointer = const View*;
        using reference = View;

        Iterator(const Strided* range, std::size_t index) noexcept : range_(range), index_(index) {}
        View operator*() const { return (*range_)[index_]; }
        Iterator& operator++() noexcept {
            ++index_;
            return *this;
        }
        bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }
        bool operator!=(const Iterator& other) const noexcept { return index_ != other.index_; }

    private:
        const Strided* range_;
        std::size_t index_;
    };

    Strided() = default;
    /// Throws ABI_MISMATCH for a stride below the 1.0 size, INVALID_ARGUMENT for NULL with a count.
    Strided(const T* first, std::uint64_t count, std::uint64_t stride)
        : first_(reinterpret_cast<const char*>(first)), count_(static_cast<std::size_t>(count)),
          stride_(static_cast<std::size_t>(stride)) {
        if (count != 0 && first == nullptr) {
            throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the host passed NULL for an array");
        }
        if (count != 0 && stride < FirstSize<T>::value) {
            throw Error(SYNCLINE_E_ABI_MISMATCH,
                        "the stride of an array is smaller than its struct");
        }
    }

    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    const T* raw(std::size_t index) const noexcept {
        return reinterpret_cast<const T*>(first_ + index * stride_);
    }
    View operator[](std::size_t index) const { return View(load(raw(index))); }
    Iterator begin() const noexcept { return Iterator(this, 0); }
    Iterator end() const noexcept { return Iterator(this, count_); }

private:
    const char* first_ = nullptr;
    std::size_t count_ = 0;
    std::size_t stride_ = sizeof(T);
};

} // namespace syncline::sdk

#endif
