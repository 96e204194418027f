// What an ELF file says of the kernel in it.
#pragma once

#include <string_view>

namespace cg {

// The bytes of .rodata, where constants of the kernel lie; all bytes when there is none.
std::string_view read_only_data(std::string_view vmlinux);

struct VmlinuxBoot {
  bool x86_64 = false;
  bool pvh = false;  // has the entry note that QEMU and Firecracker start at (CONFIG_PVH)
};
VmlinuxBoot vmlinux_boot(std::string_view vmlinux);

}  // namespace cg
