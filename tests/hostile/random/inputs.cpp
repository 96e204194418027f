#include "inputs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <fstream>

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg::random_input {
namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}
std::string read(const fs::path& file) {
  return bytes_of(file);
}

void write_tree(Lot& lot, const fs::path& root) {
  for (const char* name : {"etc", "bin", "usr/lib", "deep/a/b/c/d", "many"})
    fs::create_directories(root / name);
  write(root / "etc/passwd", "root:x:0:0::/:/bin/sh\nbin:x:1:1::/:/bin/sh\n");
  write(root / "etc/group", "root:x:0:\n");
  write(root / "bin/tool", "#!/bin/sh\n");
  write(root / "big", lot.bytes(100'000 + lot.below(200'000)));
  write(root / "text", repeated("a line that packs well\n", 4000));
  write(root / "deep/a/b/c/d/end", "end");
  fs::create_symlink("usr/lib", root / "lib");
  fs::create_symlink(std::string(200, 't'), root / "long");
  fs::create_hard_link(root / "big", root / "other");
  const std::uint64_t many = lot.of({3, 40, 300});
  for (std::uint64_t i = 0; i < many; ++i) write(root / "many" / std::to_string(i), std::to_string(i));
  write(root / "hole", "x");
  fs::resize_file(root / "hole", 3 << 20);
  mkfifo((root / "pipe").c_str(), 0600);
  (void)lsetxattr((root / "big").c_str(), "user.name", "value", 5, 0);
  if (lot.one_in(2))
    (void)lsetxattr((root / "text").c_str(), "user.big", std::string(3000, 'v').data(), 3000, 0);
}

bool made_by(const std::vector<std::string>& argv) {
  const auto done = run(argv);
  EXPECT_TRUE(done && done->status == 0) << argv.front() << ": " << (done ? done->err : done.error().message);
  return done && done->status == 0;
}

}  // namespace cg::random_input
