// What a loader and a packager need to know of an ELF file, read by libelf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

enum class ElfType { relocatable, executable, shared, core, other };

// A set of symbols ("GLIBC_2.36") that the object of this DT_NEEDED name must define.
struct VersionNeed {
  std::string library;
  std::string version;
  bool weak = false;  // the loader goes on without it
};

struct ElfFile {
  std::string machine;  // "x86_64", "aarch64", …; "machine-N" for one without a name here
  int bits = 0;         // 32 or 64
  bool little_endian = true;
  ElfType type = ElfType::other;
  std::uint16_t abi_machine = 0;         // e_machine
  std::string interp;                    // the dynamic loader; empty: none is asked for
  std::vector<std::string> needed;       // DT_NEEDED
  std::vector<std::string> run_path;     // DT_RUNPATH, or DT_RPATH when there is none; split at ':'
  bool run_path_is_handed_down = false;  // it is a DT_RPATH: what this object needs is searched there, too
  std::string soname;
  std::vector<VersionNeed> version_needs;        // DT_VERNEED
  std::vector<std::string> version_definitions;  // DT_VERDEF, without the object's own name
  std::string build_id;                          // hexadecimal; empty: none
  bool is_static = false;    // a program that no loader has to touch: no INTERP and no NEEDED
  bool is_pie = false;       // a program that can be loaded anywhere
  bool has_symbols = false;  // .symtab is there: not stripped
  bool has_debug = false;    // .debug_info is there
};

// Refused when the file is no ELF file or is damaged; cannot when it is unreadable.
Result<ElfFile> read_elf(const std::filesystem::path& path);
// The same of a whole file in memory; `name` is for messages.
Result<ElfFile> read_elf(std::string_view bytes, const std::string& name);

// Whether a file that starts with these bytes says that it is an ELF file.
bool has_elf_magic(std::string_view bytes);

}  // namespace cg
