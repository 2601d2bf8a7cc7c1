// Content digests. XXH3-128 tells whether content changed; it is no protection against an adversary
// who chooses the content, for which SHA-256 is used (plugin libraries).
#pragma once

#include "syncline/core/bytes.hpp"

#include <cstddef>
#include <memory>

namespace syncline {

class ContentHasher {
public:
    ContentHasher();
    ~ContentHasher();
    ContentHasher(const ContentHasher&) = delete;
    ContentHasher& operator=(const ContentHasher&) = delete;

    void reset();
    void update(const void* data, std::size_t size);
    Bytes digest() const; // 16 bytes, big-endian canonical form

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// SHA-256, piece by piece.
class Sha256Hasher {
public:
    Sha256Hasher();
    ~Sha256Hasher();
    Sha256Hasher(const Sha256Hasher&) = delete;
    Sha256Hasher& operator=(const Sha256Hasher&) = delete;

    void update(const void* data, std::size_t size);
    Bytes digest(); // 32 bytes; once, at the end

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

Bytes content_hash(BytesView content);
Bytes sha256(BytesView content);                     // 32 bytes
Bytes hmac_sha256(BytesView key, BytesView content); // 32 bytes
std::string to_hex(BytesView bytes);

} // namespace syncline
