#include "syncline/core/hash.hpp"

#include <new>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

namespace syncline {
namespace {

Bytes canonical(XXH128_hash_t hash) {
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash);
    Bytes out;
    out.reserve(sizeof bytes.digest);
    for (const unsigned char byte : bytes.digest) {
        out.push_back(static_cast<char>(byte));
    }
    return out;
}

} // namespace

struct ContentHasher::Impl {
    Impl() : state(XXH3_createState()) {
        if (state == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~Impl() { XXH3_freeState(state); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    XXH3_state_t* state; // must be aligned to 64 bytes, so its library allocates it
};

ContentHasher::ContentHasher() : impl_(std::make_unique<Impl>()) { reset(); }
ContentHasher::~ContentHasher() = default;

void ContentHasher::reset() { XXH3_128bits_reset(impl_->state); }

void ContentHasher::update(const void* data, std::size_t size) {
    if (size != 0) {
        XXH3_128bits_update(impl_->state, data, size);
    }
}

Bytes ContentHasher::digest() const { return canonical(XXH3_128bits_digest(impl_->state)); }

// Its functions fail only for want of memory; a made-up digest would be worse than stopping.
struct Sha256Hasher::Impl {
    Impl() : context(EVP_MD_CTX_new()) {
        if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) {
            EVP_MD_CTX_free(context);
            throw std::bad_alloc();
        }
    }
    ~Impl() { EVP_MD_CTX_free(context); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    EVP_MD_CTX* context;
};

Sha256Hasher::Sha256Hasher() : impl_(std::make_unique<Impl>()) {}
Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::update(const void* data, std::size_t size) {
    if (EVP_DigestUpdate(impl_->context, data, size) != 1) {
        throw std::bad_alloc();
    }
}

Bytes Sha256Hasher::digest() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(impl_->context, digest, &size) != 1) {
        throw std::bad_alloc();
    }
    return {reinterpret_cast<const char*>(digest), size};
}

Bytes content_hash(BytesView content) {
    return canonical(XXH3_128bits(content.data(), content.size()));
}

Bytes sha256(BytesView content) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    // Fails only for want of memory; a made-up digest would be worse than stopping.
    if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
        throw std::bad_alloc();
    }
    Bytes out;
    for (unsigned int i = 0; i < size; ++i) {
        out.push_back(static_cast<char>(digest[i]));
    }
    return out;
}

Bytes hmac_sha256(BytesView key, BytesView content) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const auto* data = reinterpret_cast<const unsigned char*>(content.data());
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data, content.size(), digest,
             &size) == nullptr) {
        throw std::bad_alloc();
    }
    return Bytes(reinterpret_cast<const char*>(digest), size);
}

std::string to_hex(BytesView bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(kDigits[byte >> 4]);
        out.push_back(kDigits[byte & 15]);
    }
    return out;
}

} // namespace syncline
