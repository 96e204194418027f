// Where two images differ, as structures with a name and not as offsets: partition table, superblock, group
// descriptors, an initrd's archives, inodes, paths, contents. What no structure explains is named by its
// place in the file, so that images without a difference are the same byte for byte.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/ext4/read/ext_files.h"
#include "image/initrd/archive.h"
#include "image/reader.h"

namespace cg::image {

struct Difference {
  std::string where;   // "superblock", "group 3", "/etc/conf", "block 812", …
  std::string what;    // the field
  std::string first;   // its value in the first image; empty: it is not there
  std::string second;  // and in the second
};

enum class CompareScope {
  everything,
  files,  // paths, metadata and contents, as a guest sees them; where and how they are stored does not count
};

class Differences {
 public:
  explicit Differences(std::size_t most) : most_(most) {}
  // Remembers a difference, as long as there are not too many.
  void add(std::string where, std::string what, std::string first, std::string second);
  template <class T>
  void compare(const std::string& where, const char* what, const T& first, const T& second) {
    if (first != second) add(where, what, text(first), text(second));
  }
  bool full() const { return found_.size() >= most_; }
  const std::vector<Difference>& found() const { return found_; }

 private:
  static std::string text(const std::string& value) { return value; }
  static std::string text(std::uint64_t value) { return std::to_string(value); }
  static std::string text(std::int64_t value) { return std::to_string(value); }
  std::size_t most_;
  std::vector<Difference> found_;
};

// In that order, at most `most` of them; the two may be of different forms.
Result<std::vector<Difference>> compare_images(const ImageReader& first, const ImageReader& second,
                                               CompareScope scope, std::size_t most);

// The parts of it.
void compare_layouts(const DiskLayout& first, const DiskLayout& second, Differences& differences);
void compare_superblocks(const ExtFiles& first, const ExtFiles& second, Differences& differences);
void compare_groups(const ExtFiles& first, const ExtFiles& second, Differences& differences);
void compare_initrds(const InitrdArchive& first, const InitrdArchive& second, Differences& differences);
Result<void> compare_files(const ImageReader& first, const ImageReader& second, CompareScope scope,
                           Differences& differences);
// The first byte of two files that is not the same. `file_system` says what lies there; or nullptr.
Result<void> compare_bytes(Device& first, Device& second, const ImageReader* file_system,
                           Differences& differences);

}  // namespace cg::image
