// The vdso as CRIU reads it: its dynamic section must have the tables that the CRIU version knows, and its
// data pages the names it knows.
#include <elf.h>
#include <fmt/format.h>
#include <sys/auxv.h>

#include <cstring>

#include "base/file.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

// CRIU before 4.1 reads the symbol table through DT_HASH only.
ProbeResult vdso_hash() {
  const auto base = getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return not_applicable("there is no vdso");
  const auto* image = reinterpret_cast<const char*>(base);
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return not_applicable("not a 64-bit vdso");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, image + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_DYNAMIC) continue;
    for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= segment.p_filesz; at += sizeof(Elf64_Dyn)) {
      Elf64_Dyn entry;
      std::memcpy(&entry, image + segment.p_offset + at, sizeof entry);
      if (entry.d_tag == DT_HASH) return pass("the vdso has a DT_HASH table");
      if (entry.d_tag == DT_NULL) break;
    }
    return fail("the vdso has no DT_HASH table");
  }
  return unknown("the vdso has no dynamic section");
}

// Linux 6.13 gave the clocks of hypervisors a mapping of their own, which CRIU before 4.1 does not know.
ProbeResult no_vvar_vclock() {
  auto maps = read_file("/proc/self/maps");
  if (!maps) return unknown(maps.error().message);
  return maps->contains("[vvar_vclock]") ? fail("/proc/self/maps has [vvar_vclock]")
                                         : pass("/proc/self/maps has no [vvar_vclock]");
}

}  // namespace

std::vector<Probe> vdso_probes() {
  return {{"vdso-hash", vdso_hash}, {"no-vvar-vclock", no_vvar_vclock}};
}

}  // namespace cg::probes
