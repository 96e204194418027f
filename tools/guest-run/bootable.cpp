#include "bootable.h"

#include <fmt/format.h>

#include "base/file_at.h"
#include "base/io/mapped_file.h"
#include "compress/codec.h"
#include "kernel/form.h"
#include "kernel/vmlinux.h"

namespace cg {
namespace {

std::unexpected<Error> compressed(const std::string& name, Codec codec) {
  return cannot(fmt::format("{}: a compressed file ({}); unpack it first", name, to_string(codec)));
}

}  // namespace

Result<void> check_bootable(const std::filesystem::path& kernel) {
  const std::string name = kernel.string();
  CG_TRY(file, MappedFile::open(kernel));
  switch (kernel_form(file.bytes())) {
    case KernelForm::bz_image:
      return {};
    case KernelForm::vmlinux: {
      const VmlinuxBoot boot = vmlinux_boot(file.bytes());
      if (!boot.x86_64)
        return cannot(name + ": an ELF file, but not for x86_64; guest-run boots x86_64 kernels");
      if (boot.pvh) return {};
      return cannot(
          name +
          ": an x86_64 ELF file without the PVH entry note, so QEMU cannot start it; build the kernel "
          "with CONFIG_PVH or give the bzImage");
    }
    case KernelForm::arm64:
    case KernelForm::riscv:
    case KernelForm::s390:
      return cannot(name + ": a kernel for another machine; guest-run boots x86_64 kernels");
    default:
      if (const auto codec = codec_of(file.bytes())) return compressed(name, *codec);
      return cannot(name + ": neither a bzImage nor an ELF vmlinux, so not a kernel that can be booted");
  }
}

Result<void> check_raw(int fd, const std::string& name) {
  char front[codec_mark_bytes]{};
  const auto got = read_at(fd, std::as_writable_bytes(std::span(front)), 0);
  if (!got) return cannot_errno(name, got.error());
  if (*got < 4) return cannot(name + ": too small to be an image");
  const std::string_view bytes(front, *got);
  if (bytes.starts_with("QFI\xfb"))
    return cannot(name + ": a qcow2 image; guest-run takes raw ones (qemu-img convert -O raw)");
  if (const auto codec = codec_of(bytes)) return compressed(name, *codec);
  return {};
}

}  // namespace cg
