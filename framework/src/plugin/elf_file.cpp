#include "plugin/elf_file.hpp"

#include <syncline/abi/entry.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <elf.h>
#include <optional>
#include <vector>

namespace syncline::plugin {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t kMachine = EM_RISCV;
#else
#error "add the ELF machine number of this platform"
#endif

constexpr std::string_view kEntryPrefix = "syncline_entry_v";

std::string machine_name(std::uint16_t machine) {
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_AARCH64:
        return "aarch64";
    case EM_RISCV:
        return "riscv";
    case EM_386:
        return "i386";
    case EM_ARM:
        return "arm";
    default:
        return "machine number " + std::to_string(machine);
    }
}

// A copy of the T at `offset`, if the file has one there.
template <typename T>
std::optional<T> at(BytesView file, std::uint64_t offset) {
    if (offset > file.size() || file.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, file.data() + offset, sizeof(T));
    return value;
}

std::string wrong_header(BytesView file, const std::optional<Elf64_Ehdr>& header) {
    if (file.empty()) {
        return "the file is empty";
    }
    if (!file.starts_with(BytesView(ELFMAG, SELFMAG))) {
        return "not a shared library (no ELF header)";
    }
    if (file.size() <= EI_DATA) {
        return "the file is cut off: its ELF header is incomplete";
    }
    if (file[EI_CLASS] != ELFCLASS64) {
        return "a 32-bit library, and this program is 64-bit";
    }
    if (file[EI_DATA] != ELFDATA2LSB) {
        return "a big-endian library, and plugins are little-endian";
    }
    if (!header) {
        return "the file is cut off: its ELF header is incomplete";
    }
    if (header->e_machine != kMachine) {
        return "built for " + machine_name(header->e_machine) + ", and this program runs on " +
               machine_name(kMachine);
    }
    if (header->e_type != ET_DYN) {
        return "an ELF file, but not a shared library";
    }
    return {};
}

} // namespace

ElfFacts inspect_elf(BytesView file) {
    ElfFacts facts;
    const auto header = at<Elf64_Ehdr>(file, 0);
    facts.wrong = wrong_header(file, header);
    if (!facts.wrong.empty()) {
        return facts;
    }
    if (header->e_shoff != 0 &&
        !at<Elf64_Shdr>(file, header->e_shoff + (header->e_shnum == 0 ? 0u : header->e_shnum - 1u) *
                                                    std::uint64_t{header->e_shentsize})) {
        facts.wrong = "the file is cut off: its table of sections lies beyond its end";
        return facts;
    }
    std::vector<Elf64_Phdr> segments;
    for (std::uint64_t index = 0; index < header->e_phnum; ++index) {
        const auto segment = at<Elf64_Phdr>(file, header->e_phoff + index * header->e_phentsize);
        // The loader maps such a segment all the same, and the first touch kills the process.
        if (!segment ||
            (segment->p_type == PT_LOAD && (segment->p_offset > file.size() ||
                                            file.size() - segment->p_offset < segment->p_filesz))) {
            facts.wrong = "the file is cut off: a segment lies beyond its end";
            return facts;
        }
        if (segment->p_type == PT_LOAD) {
            segments.push_back(*segment);
        }
    }
    const auto section = [&](std::uint64_t index) {
        return index < header->e_shnum
                   ? at<Elf64_Shdr>(file, header->e_shoff + index * header->e_shentsize)
                   : std::nullopt;
    };
    std::optional<Elf64_Shdr> symbols;
    for (std::uint64_t index = 0; index < header->e_shnum; ++index) {
        symbols = section(index);
        if (symbols && symbols->sh_type == SHT_DYNSYM) {
            break;
        }
        symbols.reset();
    }
    const auto names = symbols ? section(symbols->sh_link) : std::nullopt;
    if (!names || names->sh_offset > file.size() ||
        file.size() - names->sh_offset < names->sh_size || symbols->sh_offset > file.size() ||
        file.size() - symbols->sh_offset < symbols->sh_size) {
        return facts;
    }
    facts.symbols_known = true;
    const BytesView name_table = file.substr(names->sh_offset, names->sh_size);
    for (std::uint64_t offset = 0; offset + sizeof(Elf64_Sym) <= symbols->sh_size;
         offset += sizeof(Elf64_Sym)) {
        const auto symbol = at<Elf64_Sym>(file, symbols->sh_offset + offset);
        if (!symbol || symbol->st_shndx == SHN_UNDEF || symbol->st_name >= name_table.size()) {
            continue;
        }
        BytesView name = name_table.substr(symbol->st_name);
        if (!name.starts_with(kEntryPrefix)) {
            continue;
        }
        name = name.substr(0, name.find('\0'));
        if (name != SYNCLINE_ENTRY_SYMBOL) {
            unsigned number = 0;
            for (const char digit : name.substr(kEntryPrefix.size()).substr(0, 4)) {
                number = digit >= '0' && digit <= '9'
                             ? number * 10 + static_cast<unsigned>(digit - '0')
                             : 0;
            }
            facts.later_entry = std::max(facts.later_entry, number > 1 ? number : 0);
            continue;
        }
        facts.has_entry = true;
        for (const Elf64_Phdr& segment : segments) {
            // In zero-filled memory it would be all zero, which the caller refuses after loading.
            if (symbol->st_value >= segment.p_vaddr &&
                symbol->st_value - segment.p_vaddr < segment.p_filesz) {
                const std::uint64_t where = segment.p_offset + (symbol->st_value - segment.p_vaddr);
                const auto numbers =
                    at<std::array<char, offsetof(syncline_entry, flags)>>(file, where);
                if (numbers) {
                    const auto read = [&](std::size_t field, auto& value) {
                        std::memcpy(&value, numbers->data() + field, sizeof value);
                    };
                    read(offsetof(syncline_entry, struct_size), facts.numbers.struct_size);
                    read(offsetof(syncline_entry, abi_major), facts.numbers.abi_major);
                    read(offsetof(syncline_entry, abi_minor), facts.numbers.abi_minor);
                    read(offsetof(syncline_entry, min_host_minor), facts.numbers.min_host_minor);
                    facts.numbers_known = true;
                }
            }
        }
    }
    return facts;
}

} // namespace syncline::plugin
