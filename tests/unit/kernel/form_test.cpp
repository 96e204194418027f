#include "kernel/form.h"

#include <gtest/gtest.h>

#include <string>

namespace cg {
namespace {

struct Case {
  const char* name;
  std::size_t offset;
  std::string mark;
  KernelForm form;
};

TEST(KernelForm, ByTheMarkOfEachBootProtocol) {
  const Case cases[] = {{"vmlinux", 0,
                         "\x7f"
                         "ELF",
                         KernelForm::vmlinux},
                        {"bzImage", 0x202, "HdrS", KernelForm::bz_image},
                        {"arm64", 56, "ARM\x64", KernelForm::arm64},
                        {"riscv", 56, "RSC\x05", KernelForm::riscv},
                        {"s390", 0x10008, "S390EP", KernelForm::s390},
                        {"U-Boot", 0, "\x27\x05\x19\x56", KernelForm::uboot}};
  for (const auto& [name, offset, mark, form] : cases) {
    std::string bytes(kernel_mark_bytes, '\0');
    bytes.replace(offset, mark.size(), mark);
    EXPECT_EQ(kernel_form(bytes), form) << name;
    EXPECT_EQ(kernel_form(bytes.substr(0, offset + mark.size() - 1)), KernelForm::none) << name;
    if (offset > 0) bytes.replace(0, 2, "MZ");  // with an EFI stub before it
    EXPECT_EQ(kernel_form(bytes), form) << name;
  }
  EXPECT_EQ(kernel_form(std::string("MZ\0\0zimg", 8)), KernelForm::zboot);
  EXPECT_EQ(kernel_form(std::string("MX\0\0zimg", 8)), KernelForm::none);
  EXPECT_EQ(kernel_form("MZ"), KernelForm::efi);
  EXPECT_EQ(kernel_form(""), KernelForm::none);
  EXPECT_EQ(kernel_form("CONFIG_X=y\n"), KernelForm::none);
}

}  // namespace
}  // namespace cg
