// Initrds: archives of cpio behind each other, packed or not, with entries that contradict each other.
#include "image/support/cpio_bytes.h"
#include "image/support/image_case.h"
#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
namespace {

std::string odd_name(Lot& lot) {
  switch (lot.below(14)) {
    case 0:
      return "../etc/passwd";
    case 1:
      return "/abs" + repeated("/", lot.below(4)) + "x";
    case 2:
      return repeated("d/", 1 + lot.below(2000)) + "f";
    case 3:
      return std::string(lot.of({255, 256, 4000, 5000}), 'n');
    case 4:
      return "";
    case 5:
      return lot.of({".", "..", "/", "./x", "etc/.", "TRAILER!!!"});
    case 6:
      return lot.bytes(1 + lot.below(20));
    case 7:
      return "l" + std::to_string(lot.below(30)) + "/f";
    case 8:
      return "none/below";
    default:
      return lot.of({"etc", "etc/x", "init", "bin", "bin/sh", "l1", "a", "b"});
  }
}

std::string odd_entry(Lot& lot) {
  image::CpioHeader header;
  if (lot.one_in(4)) header.inode = static_cast<std::uint32_t>(lot.below(3) + 1);
  if (lot.one_in(4)) header.links = static_cast<std::uint32_t>(lot.one_in(2) ? 2 : lot.odd_number());
  if (lot.one_in(12)) header.size = static_cast<std::uint32_t>(lot.odd_number());
  if (lot.one_in(6)) header.uid = static_cast<std::uint32_t>(lot.odd_number());
  if (lot.one_in(6)) header.mtime = static_cast<std::uint32_t>(lot.odd_number());
  if (lot.one_in(6)) header.device_major = static_cast<std::uint32_t>(lot.odd_number());
  if (lot.one_in(8)) {
    header.with_sum = true;
    header.sum = static_cast<std::uint32_t>(lot.odd_number());
  }
  const unsigned mode =
      lot.of({cpio_file, cpio_file, cpio_directory, cpio_link, 0020600U, 0010644U, 0140777U, 0U, 0177777U});
  std::string data = lot.of({std::string(), std::string("x"), lot.bytes(lot.below(9000)), odd_name(lot),
                             std::string(lot.below(1 << 20), '\0')});
  std::string bytes = cpio_entry(odd_name(lot), mode, data, header);
  if (lot.one_in(10)) bytes.replace(lot.below(110), 3, lot.of({"zzz", "-1 ", "FFF", "000"}));
  if (lot.one_in(10)) bytes.resize(lot.below(bytes.size()));
  return bytes;
}

std::string crowd(Lot& lot) {
  std::string bytes;
  const std::uint64_t many = 1 + lot.below(5000);
  switch (lot.below(4)) {
    case 0:
      for (std::uint64_t i = 0; i < 30; ++i)
        bytes += cpio_entry("l" + std::to_string(i), cpio_link,
                            i == 0 ? "." : repeated("l" + std::to_string(i - 1) + "/", 8));
      return bytes + cpio_entry("l29/f", cpio_file, "x");
    case 1:
      for (std::uint64_t i = 0; i < many; ++i)
        bytes += cpio_entry("same", lot.of({cpio_file, cpio_directory, cpio_link}), "x");
      return bytes;
    case 2: {
      image::CpioHeader header;
      header.inode = 77;
      header.links = static_cast<std::uint32_t>(many);
      for (std::uint64_t i = 0; i < many; ++i)
        bytes += cpio_entry("h" + std::to_string(i), cpio_file, i % 50 == 0 ? "data" : "", header);
      return bytes;
    }
    default: {
      std::string path;
      for (std::uint64_t i = 0; i < 1500; ++i) {
        path += i ? "/d" : "d";
        bytes += cpio_entry(path, cpio_directory);
      }
      return bytes;
    }
  }
}

std::string archive_of(Lot& lot) {
  std::string bytes = cpio_entry("etc", cpio_directory) + cpio_entry("bin", cpio_directory) +
                      cpio_entry("bin/sh", 0100755, "#!") + cpio_entry("l1", cpio_link, "etc") +
                      cpio_entry("init", 0100755, "#!/bin/sh\n");
  const std::uint64_t twists = 1 + lot.below(4);
  for (std::uint64_t i = 0; i < twists; ++i) bytes += lot.one_in(4) ? crowd(lot) : odd_entry(lot);
  if (!lot.one_in(6)) bytes += cpio_end();
  if (lot.one_in(10)) scramble(lot, bytes, 1 + lot.below(8));
  return bytes;
}

}  // namespace

Input random_initrd(Lot& lot, const fs::path& into) {
  std::string all;
  const std::uint64_t archives = 1 + lot.below(3);
  for (std::uint64_t i = 0; i < archives; ++i) {
    std::string one = archive_of(lot);
    if (lot.one_in(8)) one += std::string(lot.below(80) << 20, '\0');
    if (lot.one_in(2)) {
      one = packed(one, lot.of({"gzip", "zstd", "xz", "bzip2", "lzma", "lz4"}));
      if (lot.one_in(8)) one.resize(lot.below(one.size()));
      if (lot.one_in(8)) scramble(lot, one, 2);
    }
    all += one + std::string(lot.of({0, 1, 3, 512, 513}), '\0');
  }
  if (lot.one_in(10)) all += lot.bytes(50);
  const fs::path file = into / "initrd.img";
  write(file, all);
  return {file, Use::image};
}

}  // namespace cg::random_input
