#include "kernel/vmlinux.h"

#include <gelf.h>
#include <libelf.h>

#include <memory>

namespace cg {
namespace {

constexpr GElf_Word pvh_note_type = 18;  // XEN_ELFNOTE_PHYS32_ENTRY, owner "Xen"

using ElfHandle = std::unique_ptr<Elf, int (*)(Elf*)>;

// libelf only reads a 64-bit file of the machine's own byte order; it may convert headers of others in its
// own memory.
ElfHandle open_elf(std::string_view bytes) {
  if (elf_version(EV_CURRENT) == EV_NONE) return {nullptr, elf_end};
  return {elf_memory(const_cast<char*>(bytes.data()), bytes.size()), elf_end};
}

bool has_pvh_note(Elf_Data* notes) {
  GElf_Nhdr note;
  std::size_t name = 0, description = 0;
  for (std::size_t at = 0; (at = gelf_getnote(notes, at, &note, &name, &description)) > 0;)
    if (note.n_type == pvh_note_type && note.n_namesz == 4 &&
        std::string_view(static_cast<const char*>(notes->d_buf) + name, 4) == std::string_view("Xen", 4))
      return true;
  return false;
}

}  // namespace

std::string_view read_only_data(std::string_view vmlinux) {
  const ElfHandle elf = open_elf(vmlinux);
  std::size_t names = 0;
  if (!elf || elf_getshdrstrndx(elf.get(), &names) != 0) return vmlinux;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    const char* name = elf_strptr(elf.get(), names, header.sh_name);
    const bool inside =
        header.sh_offset <= vmlinux.size() && header.sh_size <= vmlinux.size() - header.sh_offset;
    if (name && std::string_view(name) == ".rodata" && header.sh_type == SHT_PROGBITS && inside)
      return vmlinux.substr(header.sh_offset, header.sh_size);
  }
  return vmlinux;
}

VmlinuxBoot vmlinux_boot(std::string_view vmlinux) {
  const ElfHandle elf = open_elf(vmlinux);
  GElf_Ehdr header;
  std::size_t segments = 0;
  if (!elf || !gelf_getehdr(elf.get(), &header)) return {};
  VmlinuxBoot boot{.x86_64 = gelf_getclass(elf.get()) == ELFCLASS64 && header.e_machine == EM_X86_64};
  if (elf_getphdrnum(elf.get(), &segments) != 0) return boot;
  for (int i = 0; i < static_cast<int>(segments) && !boot.pvh; ++i) {
    GElf_Phdr segment;
    if (!gelf_getphdr(elf.get(), i, &segment) || segment.p_type != PT_NOTE) continue;
    Elf_Data* notes = elf_getdata_rawchunk(elf.get(), static_cast<std::int64_t>(segment.p_offset),
                                           segment.p_filesz, ELF_T_NHDR);
    boot.pvh = notes && has_pvh_note(notes);
  }
  return boot;
}

}  // namespace cg
