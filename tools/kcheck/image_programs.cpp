#include "image_programs.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace cg {

std::optional<Program> find_program(const image::ImageReader& image, std::string_view name) {
  for (const char* directory :
       {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const std::string path = fmt::format("{}/{}", directory, name);
    const auto file = image.stat(path);
    if (!file || file->meta.type != image::NodeType::regular || (file->meta.mode & 0111) == 0) continue;
    const auto link = image.stat(path, image::ImageReader::LastLink::keep);
    const bool is_link = link && link->meta.type == image::NodeType::symlink;
    return Program{path, is_link ? link->meta.target : path};
  }
  return std::nullopt;
}

// libelf wants a file; an anonymous one keeps the machine's disk out of it.
Result<ElfFile> read_elf_in(const image::ImageReader& image, const std::string& path) {
  CG_TRY(bytes, image.read(path));
  UniqueFd file(memfd_create("elf", MFD_CLOEXEC));
  if (!file) return cannot_errno("memfd_create", errno);
  CG_CHECK(write_all(file.get(), bytes, path));
  auto elf = read_elf(fmt::format("/proc/self/fd/{}", file.get()));
  if (!elf) return std::unexpected(Error{elf.error().kind, fmt::format("{}: not a whole ELF file", path)});
  return elf;
}

std::vector<Version> versions_in(std::string_view binary) {
  std::vector<Version> found;
  for (const auto& version : known_criu_versions()) {
    const std::string needle = std::string(1, '\0') + version.text() + std::string(1, '\0');
    if (binary.contains(needle)) found.push_back(version);
  }
  return found;
}

std::string kernel_release_of(std::string_view bytes) {
  const auto word_at = [&](std::size_t at) {
    const std::string_view rest = bytes.substr(std::min(at, bytes.size()), 128);
    return std::string(rest.substr(0, rest.find_first_of(std::string_view(" \0\n", 3))));
  };
  // Documentation/arch/x86/boot.rst: "HdrS" at 0x202, and at 0x20e the offset, from 0x200, of the version
  // string.
  if (bytes.size() > 0x210 && bytes.substr(0x202, 4) == "HdrS") {
    const auto low = static_cast<unsigned char>(bytes[0x20e]);
    const auto high = static_cast<unsigned char>(bytes[0x20f]);
    return word_at(0x200U + low + 256U * high);
  }
  constexpr std::string_view banner = "Linux version ";
  for (std::size_t at = bytes.find(banner); at != std::string_view::npos; at = bytes.find(banner, at + 1)) {
    const std::string word = word_at(at + banner.size());
    if (leading_version(word)) return word;
  }
  return "";
}

}  // namespace cg
