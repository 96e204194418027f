// What kind of file a kernel comes in: every mark of a boot protocol stands here, and nowhere else.
#pragma once

#include <cstddef>
#include <string_view>

namespace cg {

enum class KernelForm {
  none,      // nothing that is known; it may be compressed (compress/codec.h)
  vmlinux,   // an ELF file of any machine
  bz_image,  // vmlinuz of x86: Documentation/arch/x86/boot.rst
  zboot,     // vmlinuz.efi: drivers/firmware/efi/libstub/zboot-header.S
  arm64,     // Image: Documentation/arch/arm64/booting.rst
  riscv,     // Image: Documentation/arch/riscv/boot-image-header.rst
  s390,      // image: arch/s390/boot/head.S
  uboot,     // uImage: behind a header of U-Boot
  efi,       // another program for EFI
};

// How many bytes kernel_form() wants to see.
inline constexpr std::size_t kernel_mark_bytes = 0x1000e;
KernelForm kernel_form(std::string_view front);

}  // namespace cg
