#include "initrd.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "image/initrd/cpio.h"

extern "C" const char cg_guest_init_begin[];
extern "C" const char cg_guest_init_end[];

namespace cg {

std::string_view embedded_guest_init() {
  return {cg_guest_init_begin, static_cast<std::size_t>(cg_guest_init_end - cg_guest_init_begin)};
}

std::string guest_archive(const std::map<std::string, std::string>& config,
                          const std::vector<GuestFile>& modules) {
  std::string text;
  for (const auto& [key, value] : config) text += key + "=" + value + "\n";
  std::string archive;
  std::uint32_t inode = 0;
  const auto add = [&](std::string_view name, std::uint32_t mode, std::string_view bytes) {
    archive += image::format_cpio_header(
        {.inode = ++inode, .mode = mode, .size = static_cast<std::uint32_t>(bytes.size())}, name);
    archive += bytes;
    archive.resize(image::cpio_padded(archive.size()));
  };
  add(".guest-run", S_IFDIR | 0755, {});
  add(".guest-run/init", S_IFREG | 0755, embedded_guest_init());
  add(".guest-run/config", S_IFREG | 0644, text);
  std::string directory;
  for (const auto& module : modules) {
    if (const std::string own = ".guest-run/" + module.name.substr(0, module.name.find('/'));
        own != directory) {
      directory = own;
      add(directory, S_IFDIR | 0755, {});
    }
    add(".guest-run/" + module.name, S_IFREG | 0644, module.bytes);
  }
  add(image::cpio_trailer, 0, {});
  return archive;
}

Result<UniqueFd> make_initrd(const std::filesystem::path& user_initrd, std::string_view archive) {
  UniqueFd fd(memfd_create("criu-guest-initrd", MFD_CLOEXEC));
  if (!fd) return cannot_errno("memfd_create", errno);
  if (!user_initrd.empty()) {
    CG_TRY(bytes, read_file(user_initrd, std::uint64_t{2} << 30));
    bytes.resize(image::cpio_padded(bytes.size()));  // an archive starts at a multiple of 4
    CG_CHECK(write_all(fd.get(), bytes, "the initrd in memory"));
  }
  CG_CHECK(write_all(fd.get(), archive, "the initrd in memory"));
  return fd;
}

}  // namespace cg
