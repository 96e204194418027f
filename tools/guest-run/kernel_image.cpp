#include "kernel_image.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace cg {
namespace {

constexpr std::uint32_t pvh_note_type = 18;  // XEN_ELFNOTE_PHYS32_ENTRY, owner "Xen"
constexpr std::size_t note_limit = 1 << 20;

std::string read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

template <class T>
bool take(std::string_view bytes, std::size_t offset, T& value) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof value) return false;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return true;
}

bool has_pvh_note(std::string_view notes) {
  const auto aligned = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  std::size_t offset = 0;
  for (Elf64_Nhdr note{}; take(notes, offset, note);) {
    const std::size_t name = offset + sizeof note;
    if (note.n_type == pvh_note_type &&
        notes.substr(std::min(name, notes.size())).starts_with(std::string_view("Xen", 4)))
      return true;
    offset = name + aligned(note.n_namesz) + aligned(note.n_descsz);
  }
  return false;
}

Result<KernelFormat> elf_format(int fd, std::string_view head, const std::string& name) {
  Elf64_Ehdr header{};
  if (!take(head, 0, header) || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
    return cannot(name + ": an ELF file, but not for x86_64; guest-run boots x86_64 kernels");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!take(read_at(fd, header.e_phoff + std::uint64_t{i} * sizeof segment, sizeof segment), 0, segment))
      break;
    if (segment.p_type == PT_NOTE &&
        has_pvh_note(read_at(fd, segment.p_offset, std::min<std::size_t>(segment.p_filesz, note_limit))))
      return KernelFormat::pvh_elf;
  }
  return cannot(name +
                ": an x86_64 ELF file without the PVH entry note, so QEMU cannot start it; build the kernel "
                "with CONFIG_PVH or give the bzImage");
}

}  // namespace

Result<KernelFormat> kernel_format(const std::filesystem::path& path) {
  const std::string name = path.string();
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(name, errno);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return cannot_errno(name, errno);
  if (!S_ISREG(info.st_mode)) return cannot(name + ": not a regular file, so not a kernel");
  const std::string head = read_at(fd.get(), 0, 1024);
  if (head.starts_with(ELFMAG)) return elf_format(fd.get(), head, name);
  if (head.size() >= 0x206 && head.substr(0x1fe, 2) == "\x55\xaa" && head.substr(0x202, 4) == "HdrS")
    return KernelFormat::bz_image;
  if (head.size() >= 0x3c && head.substr(0x38, 4) == "ARM\x64")
    return cannot(name + ": a kernel for arm64; guest-run boots x86_64 kernels");
  if (head.starts_with("\x1f\x8b") || head.starts_with("\x28\xb5\x2f\xfd") ||
      head.starts_with("\xfd"
                       "7zXZ"))
    return cannot(name + ": a compressed file; unpack it first");
  return cannot(name + ": neither a bzImage nor an ELF vmlinux, so not a kernel that can be booted");
}

}  // namespace cg
