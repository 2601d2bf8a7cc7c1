// What can be told about a shared library without running anything of it: loading a library runs
// its constructors, so whatever can be refused is refused from its bytes.
#pragma once

#include "syncline/core/bytes.hpp"

#include <cstdint>
#include <string>

namespace syncline::plugin {

// The numbers at the beginning of a syncline_entry, which no relocation changes.
struct EntryNumbers {
    std::uint32_t struct_size = 0;
    std::uint16_t abi_major = 0;
    std::uint16_t abi_minor = 0;
    std::uint16_t min_host_minor = 0;
};

struct ElfFacts {
    std::string wrong;          // why this system cannot load the file; empty: nothing against it
    bool symbols_known = false; // false: its table of symbols was not found, nothing below is known
    bool has_entry = false;     // exports SYNCLINE_ENTRY_SYMBOL
    unsigned later_entry = 0;   // the highest N > 1 of an exported syncline_entry_vN
    bool numbers_known = false;
    EntryNumbers numbers;
};

// `file` is the whole file. Nothing in it is trusted.
ElfFacts inspect_elf(BytesView file);

} // namespace syncline::plugin
