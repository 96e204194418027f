// Root file systems in which a program leads to its loader and libraries by names, links and files that never
// end.
#include <cstring>
#include <vector>

#include "image/support/image_case.h"
#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
namespace {

std::string odd_line(Lot& lot) {
  const std::string path =
      lot.of({std::string("/lib"), std::string("/usr/lib"), std::string("l9"), "/" + repeated("l1/", 60),
              std::string("/etc/ld.so.conf"), std::string(5000, 'p'), lot.bytes(20), repeated("../", 40),
              std::string("=x86")});
  switch (lot.below(6)) {
    case 0:
      return "include /etc/ld.so.conf.d/*.conf";
    case 1:
      return "include " +
             lot.of({std::string("*"), std::string("/*/*/*"), repeated("*", 60) + "x",
                     std::string("[") + std::string(100, 'a'), repeated("/etc/..", 50) + "/etc/*",
                     std::string("ld.so.conf"), std::string("/etc/ld.so.conf.d/?.conf /etc/*"),
                     std::string("/l9/*/*.conf")});
    case 2:
      return "hwcap " + lot.bytes(5);
    case 3:
      return "include";
    default:
      return path;
  }
}

std::string odd_lines(Lot& lot) {
  std::string text;
  const std::uint64_t count = 1 + lot.below(lot.of({4, 40, 400}));
  for (std::uint64_t i = 0; i < count; ++i)
    text += odd_line(lot) + lot.of({"\n", "\n", "\r\n", " # x\n", ""});
  return text;
}

// A dynamic program of this machine with fields of its headers and words of its strings changed.
std::string odd_program(Lot& lot) {
  std::string bytes = read("/bin/true");
  const std::uint64_t twists = lot.below(5);
  for (std::uint64_t i = 0; i < twists && bytes.size() > 4096; ++i) {
    switch (lot.below(6)) {
      case 0:
        bytes[lot.below(64)] = static_cast<char>(lot.next());
        break;
      case 1: {  // a program header
        const std::size_t at = 64 + 56 * lot.below(12) + 8 * lot.below(7);
        const std::uint64_t value = lot.odd_number();
        std::memcpy(bytes.data() + at, &value, sizeof value);
        break;
      }
      case 2: {  // the loader's name
        const std::size_t at = bytes.find("/lib64/ld-linux");
        if (at != std::string::npos)
          bytes.replace(at, 12, lot.of({"/l9/l9/l9/l9", "/etc/../../.", "/loop/loop/x", "$ORIGIN/$LIB"}));
        break;
      }
      case 3: {
        const std::size_t at = bytes.find("libc.so.6");
        if (at != std::string::npos)
          bytes.replace(at, 9,
                        lot.of({std::string("loop/loop"), std::string("../../../"), std::string("libz.so.6"),
                                std::string(9, '\xff')}));
        break;
      }
      default: {
        std::string piece = bytes.substr(0, 8192);
        const std::size_t before = piece.size();
        scramble(lot, piece, 2);
        piece.resize(before);
        bytes.replace(0, before, piece);
      }
    }
  }
  return bytes;
}

}  // namespace

Input random_loader(Lot& lot, const fs::path& into) {
  std::vector<TarEntry> entries = {
      {.path = "etc/ld.so.conf", .content = odd_lines(lot)},
      {.path = "lib64", .type = 'l', .content = lot.of({"usr/lib64", "lib64", "/"})},
      {.path = "usr/lib64/x", .content = "x"},
      {.path = "loop", .type = 'l', .content = "loop"},
      {.path = "init", .type = 'l', .content = lot.of({"bin/0", "l9/init", "/init"})}};
  for (int i = 0; i < 10; ++i)
    entries.push_back(
        {.path = "l" + std::to_string(i),
         .type = 'l',
         .content = i == 0 ? "." : repeated("l" + std::to_string(i - 1) + "/", 1 + lot.below(8))});
  const std::uint64_t files = lot.below(lot.of({4, 30, 300}));
  for (std::uint64_t i = 0; i < files; ++i)
    entries.push_back({.path = "etc/ld.so.conf.d/" + std::to_string(i) + ".conf", .content = odd_lines(lot)});
  const std::uint64_t programs = 1 + lot.below(4);
  for (std::uint64_t i = 0; i < programs; ++i)
    entries.push_back({.path = "bin/" + std::to_string(i), .content = odd_program(lot), .mode = 0755});
  for (std::uint64_t i = 0; i < programs; ++i)
    entries.push_back(
        {.path = "usr/lib/lib" + std::to_string(i) + ".so", .content = odd_program(lot), .mode = 0755});
  if (lot.one_in(2))
    entries.push_back(
        {.path = "bin/script",
         .content = "#!" +
                    lot.of({std::string("/bin/script"), std::string("/loop"), std::string(9000, ' ') + "x",
                            std::string("/l9/bin/0 x"), std::string()}) +
                    "\n",
         .mode = 0755});
  write_tar_file(into / "root.tar", entries);
  const fs::path image = into / "image.img";
  const auto made = rootfs_builder({"create", "--from", (into / "root.tar").string(), "-o", image.string(),
                                    "--form", lot.of({"ext4", "ext4", "initrd", "kata"})});
  EXPECT_EQ(made.status, 0) << made.err;
  fs::remove(into / "root.tar");
  return {image, Use::image};
}

}  // namespace cg::random_input
