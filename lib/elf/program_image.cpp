#include "elf/program_image.h"

#include <elf.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/file.h"

namespace cg {
namespace {

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};

constexpr std::size_t most_bytes = 256 << 20;

// The kind of relocation that says "the load address plus this", the only one that a pointer to the program's
// own data has.
std::optional<std::uint32_t> relative_kind(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return R_X86_64_RELATIVE;
    case EM_AARCH64:
      return R_AARCH64_RELATIVE;
    case EM_PPC64:
      return R_PPC64_RELATIVE;
    case EM_RISCV:
    case EM_LOONGARCH:
      return 3;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<ProgramImage> ProgramImage::read(const std::filesystem::path& path) {
  CG_TRY(bytes, read_file(path, most_bytes));
  return parse(std::move(bytes), path.string());
}

Result<ProgramImage> ProgramImage::parse(std::string bytes, const std::string& name) {
  elf_version(EV_CURRENT);
  ProgramImage image;
  image.bytes_ = std::move(bytes);
  const std::unique_ptr<Elf, ElfEnd> elf(elf_memory(image.bytes_.data(), image.bytes_.size()));
  GElf_Ehdr header;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || !gelf_getehdr(elf.get(), &header))
    return refused(name + ": no ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return refused(name + ": only 64-bit little-endian programs can be read");
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf.get(), &names) != 0) return refused(name + ": damaged ELF file: section names");
  const auto relative = relative_kind(header.e_machine);
  for (Elf_Scn* at = nullptr; (at = elf_nextscn(elf.get(), at)) != nullptr;) {
    GElf_Shdr section;
    if (!gelf_getshdr(at, &section)) return refused(name + ": damaged ELF file: a section");
    if (section.sh_type == SHT_NOBITS || !(section.sh_flags & SHF_ALLOC)) continue;
    if (section.sh_offset > image.bytes_.size() || section.sh_size > image.bytes_.size() - section.sh_offset)
      return refused(name + ": damaged ELF file: a section lies outside of it");
    const char* text = elf_strptr(elf.get(), names, section.sh_name);
    image.sections_.push_back({text ? text : "", section.sh_addr, section.sh_offset, section.sh_size,
                               (section.sh_flags & SHF_WRITE) != 0, (section.sh_flags & SHF_EXECINSTR) != 0});
    if (section.sh_type != SHT_RELA || !relative) continue;
    Elf_Data* data = elf_getdata(at, nullptr);
    const std::size_t count = data && section.sh_entsize ? section.sh_size / section.sh_entsize : 0;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Rela entry;
      if (!gelf_getrela(data, static_cast<int>(i), &entry)) break;
      if (GELF_R_TYPE(entry.r_info) == *relative)
        image.relocated_[entry.r_offset] = static_cast<std::uint64_t>(entry.r_addend);
    }
  }
  return image;
}

std::string_view ProgramImage::bytes_of(const Section& section) const {
  return std::string_view(bytes_).substr(section.offset, section.size);
}

std::string_view ProgramImage::bytes_at(std::uint64_t address, std::size_t most) const {
  for (const auto& section : sections_)
    if (address >= section.address && address - section.address < section.size)
      return bytes_of(section).substr(address - section.address, most);
  return {};
}

std::uint64_t ProgramImage::pointer_at(std::uint64_t address) const {
  if (const auto found = relocated_.find(address); found != relocated_.end()) return found->second;
  const auto bytes = bytes_at(address, sizeof(std::uint64_t));
  std::uint64_t value = 0;
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::uint32_t ProgramImage::number_at(std::uint64_t address) const {
  const auto bytes = bytes_at(address, sizeof(std::uint32_t));
  std::uint32_t value = 0;
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string_view ProgramImage::string_at(std::uint64_t address, std::size_t most) const {
  const auto bytes = bytes_at(address, most);
  const auto end = bytes.find('\0');
  return end == bytes.npos ? std::string_view{} : bytes.substr(0, end);
}

}  // namespace cg
