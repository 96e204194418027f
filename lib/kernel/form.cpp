#include "kernel/form.h"

namespace cg {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::size_t offset;
  std::string_view bytes;
  KernelForm form;
};
// An EFI stub makes most of them begin with "MZ", so that this comes last.
constexpr Mark marks[] = {{0,
                           "\x7f"
                           "ELF"sv,
                           KernelForm::vmlinux},
                          {0x202, "HdrS"sv, KernelForm::bz_image},
                          {4, "zimg"sv, KernelForm::zboot},
                          {56, "ARM\x64"sv, KernelForm::arm64},
                          {56, "RSC\x05"sv, KernelForm::riscv},
                          {0x10008, "S390EP"sv, KernelForm::s390},
                          {0, "\x27\x05\x19\x56"sv, KernelForm::uboot},
                          {0, "MZ"sv, KernelForm::efi}};

}  // namespace

KernelForm kernel_form(std::string_view front) {
  for (const auto& [offset, bytes, form] : marks)
    if (front.size() > offset && front.substr(offset).starts_with(bytes) &&
        (form != KernelForm::zboot || front.starts_with("MZ")))
      return form;
  return KernelForm::none;
}

}  // namespace cg
