#include "initrd.h"

#include <sys/mman.h>

#include <cerrno>

#include "cpio.h"

extern "C" const char cg_guest_init_begin[];
extern "C" const char cg_guest_init_end[];

namespace cg {

std::string_view embedded_guest_init() {
  return {cg_guest_init_begin, static_cast<std::size_t>(cg_guest_init_end - cg_guest_init_begin)};
}

std::string guest_archive(const std::map<std::string, std::string>& config) {
  std::string text;
  for (const auto& [key, value] : config) text += key + "=" + value + "\n";
  return CpioWriter()
      .directory(".guest-run")
      .file(".guest-run/init", embedded_guest_init(), 0755)
      .file(".guest-run/config", text)
      .finish();
}

Result<UniqueFd> make_initrd(const std::filesystem::path& user_initrd, std::string_view archive) {
  UniqueFd fd(memfd_create("criu-guest-initrd", MFD_CLOEXEC));
  if (!fd) return cannot_errno("memfd_create", errno);
  if (!user_initrd.empty()) {
    CG_TRY(bytes, read_file(user_initrd, std::uint64_t{2} << 30));
    bytes.resize((bytes.size() + 3) & ~std::size_t{3});  // an archive starts at a multiple of 4
    CG_CHECK(write_all(fd.get(), bytes, "the initrd in memory"));
  }
  CG_CHECK(write_all(fd.get(), archive, "the initrd in memory"));
  return fd;
}

}  // namespace cg
