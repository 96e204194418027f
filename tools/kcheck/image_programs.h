// Programs inside an image: found as execvp finds them, and told apart by their bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "criu/version.h"
#include "elf/elf.h"
#include "image/reader.h"

namespace cg {

struct Program {
  std::string path;    // as found on PATH
  std::string target;  // the file a symbolic link leads to, else path
};

// Looks in the directories that a guest's root has on its PATH. Only executable regular files count.
std::optional<Program> find_program(const image::ImageReader& image, std::string_view name);

// The ELF facts of a file in the image; refused when it is no ELF file.
Result<ElfFile> read_elf_in(const image::ImageReader& image, const std::string& path);

// The CRIU versions whose number stands in a criu binary as a string of its own, oldest first.
std::vector<Version> versions_in(std::string_view binary);

// Linux's release as a kernel image tells it: a bzImage's header, or the banner in a vmlinux. "" when it does
// not.
std::string kernel_release_of(std::string_view bytes);

}  // namespace cg
