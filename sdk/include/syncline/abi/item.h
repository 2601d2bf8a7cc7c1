/*
 * Syncline plugin ABI: items, and the streams that carry them and their bytes.
 *
 * An item is one thing in a store: an object, a container (its key ends in '/') or a link (its body
 * is its target). Keys are opaque bytes, compared as unsigned octets. A version is an opaque token
 * that only supports "equal"; containers have neither version nor body.
 *
 * Sinks, readers and contents belong to the host, are borrowed for the call they were passed to and
 * lock internally; yet the items of one page are pushed by one thread at a time. They are frozen
 * together with the interface that takes them. A negative status from one of them ends the call:
 * the plugin returns it unchanged, or SYNCLINE_E_ABORTED.
 */
#ifndef SYNCLINE_ABI_ITEM_H
#define SYNCLINE_ABI_ITEM_H

#include <syncline/abi/call.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* syncline_item.fields: which optional fields carry a value; unknown bits are ignored. */
#define SYNCLINE_ITEM_SIZE 1u
#define SYNCLINE_ITEM_MTIME 2u
#define SYNCLINE_ITEM_HASH 4u
#define SYNCLINE_ITEM_META 8u
#define SYNCLINE_ITEM_VERSION 16u
#define SYNCLINE_ITEM_ID 32u

/* syncline_item.kind; 0 is invalid. An unknown kind means "something is there", never "absent". */
#define SYNCLINE_KIND_OBJECT 1u
#define SYNCLINE_KIND_CONTAINER 2u
#define SYNCLINE_KIND_LINK 3u
#define SYNCLINE_KIND_OTHER                                                                        \
    4u /* there, but of a kind that cannot be synchronised (a socket, a device) */

/* syncline_item.flags; unknown bits are ignored. */
#define SYNCLINE_ITEM_UNREADABLE                                                                   \
    UINT64_C(4)                             /* this item, or all below this container, unreadable */
#define SYNCLINE_ITEM_UNSETTLED UINT64_C(8) /* a later write might keep this version token */

/* More of syncline_item.flags: what the item has that a copy of it will not. A host tells people of
 * it when it copies the item; where it costs a request of its own, a connector need not know it
 * before `get` or `open_body`. */
#define SYNCLINE_ITEM_HARD_LINKED UINT64_C(16)   /* its body has other names as well */
#define SYNCLINE_ITEM_FOREIGN_OWNER UINT64_C(32) /* not who would own the copy */
#define SYNCLINE_ITEM_ATTRIBUTES UINT64_C(64)    /* extended attributes */
#define SYNCLINE_ITEM_ACL UINT64_C(128)          /* an access control list */
#define SYNCLINE_ITEM_HOLES UINT64_C(256)        /* its body takes less room than its size */
/* With UNREADABLE: another file system begins here, which is not part of this endpoint. */
#define SYNCLINE_ITEM_MOUNT_POINT UINT64_C(512)

/* syncline_item.hash_algo; an unknown value means that there is no hash. 0x8000 and up: vendors. */
#define SYNCLINE_HASH_SHA256 1u
#define SYNCLINE_HASH_MD5 2u
#define SYNCLINE_HASH_CRC32C 3u
#define SYNCLINE_HASH_BLAKE3 4u
#define SYNCLINE_HASH_SHA1 5u
#define SYNCLINE_HASH_XXH3_128 6u
#define SYNCLINE_HASH_VENDOR 0x8000u

/* Names of metadata with a common meaning.
 * EXECUTABLE: value "1" means executable by its owner.
 * ACCESS: what others than the owner may do. Two digits as in chmod, 4 to read plus 2 to write, the
 * first for the group, the second for everybody else; "00" is private. Left out where it is "44".
 * It limits what a copy allows; it is never compared, so no item differs by it alone. */
#define SYNCLINE_META_EXECUTABLE "posix.executable"
#define SYNCLINE_META_ACCESS "posix.access"

/* syncline_reader.flags and syncline_content.flags; unknown bits are ignored. */
#define SYNCLINE_READER_REWINDABLE 1u
#define SYNCLINE_READER_SEEKABLE 2u
#define SYNCLINE_CONTENT_LOCAL 1u /* already on this machine, cheap to read */

/* syncline_reader.size and syncline_content.size: not known in advance. */
#define SYNCLINE_SIZE_UNKNOWN UINT64_MAX

/* One thing in a store. Owner: whoever passes it, borrowed for that call only. */
typedef struct syncline_item {
    uint32_t struct_size;
    uint32_t fields;        /* SYNCLINE_ITEM_SIZE ... SYNCLINE_ITEM_ID */
    syncline_bytes key;     /* always set; see key_rules in syncline_connector_info */
    syncline_bytes version; /* opaque, equality only, at most 1 KiB */
    uint64_t size;          /* bytes of the body */
    int64_t mtime_ns;       /* since the Unix epoch, UTC */
    uint32_t kind;          /* SYNCLINE_KIND_* */
    uint32_t hash_algo;     /* SYNCLINE_HASH_* */
    syncline_bytes hash;    /* raw digest of the body */
    syncline_kvs meta;      /* user metadata; names are unique, their order means nothing */
    uint64_t flags;         /* SYNCLINE_ITEM_UNREADABLE ... SYNCLINE_ITEM_MOUNT_POINT */
    syncline_bytes id;      /* identity that survives renames, where the store has one */
} syncline_item;

/* Receives items. Owner: host, borrowed for the call. */
typedef struct syncline_item_sink syncline_item_sink;
struct syncline_item_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* host private */

    /* [in-call] Takes `count` items that lie `stride` bytes apart and copies them. May block; that
     * is the host's back-pressure. SYNCLINE_STOP: all these items were taken, end the page now
     * (call next if more follow) and return SYNCLINE_OK. < 0: end the call with that status. */
    syncline_status (*items)(const syncline_item_sink* sink, const syncline_item* first,
                             uint64_t count, uint64_t stride);

    /* [in-call] Where the next page begins; at most once, after the last items. Not calling it says
     * that this was the last page. At most 16 KiB; the host copies. < 0: end the call with it. */
    syncline_status (*next)(const syncline_item_sink* sink, syncline_bytes cursor);
};

/* Receives one blob. Owner: host or plugin (for host.kv.get), borrowed for the call. */
typedef struct syncline_bytes_sink syncline_bytes_sink;
struct syncline_bytes_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* private to the owner */

    /* [in-call] Exactly once per successful call; the bytes are copied. < 0: end the call with it.
     */
    syncline_status (*put)(const syncline_bytes_sink* sink, syncline_bytes value);
};

/* Receives the body of one object. Owner: host, borrowed for the call. */
typedef struct syncline_get_sink syncline_get_sink;
struct syncline_get_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* host private */

    /* [in-call] Exactly once, before the first byte: the item whose version the bytes belong to.
     * The host copies. < 0: end the call with that status. */
    syncline_status (*begin)(const syncline_get_sink* sink, const syncline_item* item);

    /* [in-call] The next bytes; takes all of them or fails. Blocks for back-pressure. < 0: end the
     * call with that status. */
    syncline_status (*write)(const syncline_get_sink* sink, const void* data, uint64_t size);
};

/* The body of a put. Owner: host, borrowed for the call. */
typedef struct syncline_reader syncline_reader;
struct syncline_reader {
    uint32_t struct_size;
    uint32_t flags; /* SYNCLINE_READER_* */
    void* impl;     /* host private */
    uint64_t size;  /* bytes, or SYNCLINE_SIZE_UNKNOWN */

    /* [in-call] Fills at most `cap` bytes of the caller's buffer. > 0: that many bytes, possibly
     * fewer than asked; 0: end of the body; < 0: a syncline_status, end the call with it and let
     * nothing become visible. */
    int64_t (*read)(const syncline_reader* reader, void* buf, uint64_t cap);

    /* [in-call] Back to the first byte, for an upload that the plugin itself repeats. NOT_SUPPORTED
     * without SYNCLINE_READER_REWINDABLE. */
    syncline_status (*rewind)(const syncline_reader* reader);

    /* [in-call] As read, at an absolute offset and without moving the reader. May be called from
     * several threads of the call at once (parts of one upload). NOT_SUPPORTED without
     * SYNCLINE_READER_SEEKABLE. */
    int64_t (*read_at)(const syncline_reader* reader, uint64_t offset, void* buf, uint64_t cap);
};

/* One side of a conflict, to be read on demand. Owner: host, borrowed for the call. */
typedef struct syncline_content syncline_content;
struct syncline_content {
    uint32_t struct_size;
    uint32_t flags; /* SYNCLINE_CONTENT_* */
    void* impl;     /* host private */
    uint64_t size;  /* bytes, or SYNCLINE_SIZE_UNKNOWN */

    /* [in-call] As syncline_reader.read_at. The first touch may download the whole body; `call` is
     * the call this content was passed to. */
    int64_t (*read_at)(const syncline_content* content, const syncline_call* call, uint64_t offset,
                       void* buf, uint64_t cap);
};

#ifdef __cplusplus
}
#endif

#endif
