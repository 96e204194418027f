// The files of two images, path by path: first what a guest sees of each, then how its inode and its blocks
// are laid out.
#include <ext2fs/ext2fs.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "image/compare.h"
#include "image/ext4/read/blocks.h"
#include "image/ext4/read/ext2_error.h"
#include "image/tree/extract.h"
#include "image/tree/tree_files.h"

namespace cg::image {
namespace {

using Files = std::map<std::string, FileInfo>;

Result<Files> files_of(const ImageReader& image) {
  Files files;
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    files.emplace(path, info);
    return {};
  }));
  return files;
}

class Stream {
 public:
  static Result<Stream> open(const ImageReader& image, std::uint32_t inode, const std::string& path) {
    Stream stream(fmt::format("{}: {}", image.name(), path));
    if (const auto* const tree = image.as<TreeFiles>()) {
      stream.node_ = &tree->tree().at(inode - 1);
      return stream;
    }
    ext2_file_t file = nullptr;
    CG_EXT2(stream.name_, ext2fs_file_open(image.as<ExtFiles>()->filesystem(), inode, 0, &file));
    stream.file_.reset(file);
    return stream;
  }
  // As much as fits or is there.
  Result<std::size_t> read(std::span<std::byte> into) {
    if (node_) {
      const std::size_t count = std::min<std::uint64_t>(into.size(), node_->size - done_);
      CG_CHECK(node_->bytes->read(node_->offset + done_, into.first(count)));
      done_ += count;
      return count;
    }
    unsigned got = 0;
    CG_EXT2(name_, ext2fs_file_llseek(file_.get(), done_, EXT2_SEEK_SET, nullptr));
    CG_EXT2(name_, ext2fs_file_read(file_.get(), into.data(), static_cast<unsigned>(into.size()), &got));
    done_ += got;
    return got;
  }
  void go_to(std::uint64_t offset) { done_ = offset; }

 private:
  struct Close {
    void operator()(ext2_file* file) const { ext2fs_file_close(file); }
  };
  explicit Stream(std::string name) : name_(std::move(name)) {}
  std::string name_;
  std::unique_ptr<ext2_file, Close> file_;  // of a file system
  const FileNode* node_ = nullptr;          // of a tree in memory
  std::uint64_t done_ = 0;
};

// Files of the same size.
Result<void> compare_contents(const ImageReader& first, const ImageReader& second, const FileInfo& a,
                              const FileInfo& b, const std::string& path, Differences& differences) {
  CG_TRY(one, Stream::open(first, a.inode, path));
  CG_TRY(other, Stream::open(second, b.inode, path));
  std::vector<std::byte> left(std::min<std::uint64_t>(a.size, 1 << 18));
  std::vector<std::byte> right(left.size());
  CG_TRY(ours, first.data(path));
  CG_TRY(theirs, second.data(path));
  std::size_t i = 0;
  std::size_t j = 0;
  for (std::uint64_t at = 0; at < a.size;) {
    // What is a hole in both is the same.
    while (i < ours.size() && ours[i].offset + ours[i].bytes <= at) ++i;
    while (j < theirs.size() && theirs[j].offset + theirs[j].bytes <= at) ++j;
    const std::uint64_t next =
        std::min(i < ours.size() ? ours[i].offset : a.size, j < theirs.size() ? theirs[j].offset : a.size);
    if (next > at) {
      at = std::min(next, a.size);
      one.go_to(at);
      other.go_to(at);
      continue;
    }
    CG_TRY(got, one.read(left));
    CG_TRY(there, other.read(right));
    if (got != there || got == 0)
      return refused(fmt::format("{} or {}: {} ends before its size", first.name(), second.name(), path));
    if (std::memcmp(left.data(), right.data(), got) != 0) {
      const auto in = static_cast<std::size_t>(
          std::mismatch(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(got), right.begin()).first -
          left.begin());
      differences.add(path, fmt::format("content at {}", at + in),
                      fmt::format("0x{:02x}", static_cast<unsigned>(left[in])),
                      fmt::format("0x{:02x}", static_cast<unsigned>(right[in])));
      return {};
    }
    at += got;
  }
  return {};
}

std::string time_text(const Timestamp& time) {
  return fmt::format("{}.{:09}", time.seconds, time.nanoseconds);
}

std::string value_text(const std::string& value) {
  std::string text;
  for (const char letter : value.substr(0, 40))
    text += letter >= 0x20 && letter < 0x7f && letter != '\\'
                ? std::string(1, letter)
                : fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
  return fmt::format("\"{}\"{}", text, value.size() > 40 ? "…" : "");
}

Result<void> compare_xattrs(const ImageReader& first, const ImageReader& second, const std::string& path,
                            Differences& differences) {
  CG_TRY(ours, first.xattrs(path));
  CG_TRY(theirs, second.xattrs(path));
  std::map<std::string, std::pair<std::optional<std::string>, std::optional<std::string>>> all;
  for (auto& xattr : ours) all[xattr.name].first = std::move(xattr.value);
  for (auto& xattr : theirs) all[xattr.name].second = std::move(xattr.value);
  const auto text = [](const std::optional<std::string>& value) { return value ? value_text(*value) : ""; };
  for (const auto& [name, values] : all)
    if (values.first != values.second)
      differences.add(path, "attribute " + name, text(values.first), text(values.second));
  return {};
}

Result<void> compare_one(const ImageReader& first, const ImageReader& second, const FileInfo& a,
                         const FileInfo& b, const std::string& path, Differences& differences) {
  differences.compare(path, "type", std::string(to_string(a.meta.type)), std::string(to_string(b.meta.type)));
  if (a.meta.type != b.meta.type) return {};
  differences.compare(path, "mode", fmt::format("{:04o}", a.meta.mode), fmt::format("{:04o}", b.meta.mode));
  differences.compare(path, "uid", std::uint64_t{a.meta.uid}, std::uint64_t{b.meta.uid});
  differences.compare(path, "gid", std::uint64_t{a.meta.gid}, std::uint64_t{b.meta.gid});
  differences.compare(path, "mtime", time_text(a.meta.mtime), time_text(b.meta.mtime));
  differences.compare(path, "names", std::uint64_t{a.links}, std::uint64_t{b.links});
  differences.compare(path, "target", a.meta.target, b.meta.target);
  differences.compare(path, "device", fmt::format("{}:{}", a.meta.device_major, a.meta.device_minor),
                      fmt::format("{}:{}", b.meta.device_major, b.meta.device_minor));
  CG_CHECK(compare_xattrs(first, second, path, differences));
  if (a.meta.type != NodeType::regular) return {};
  differences.compare(path, "size", a.size, b.size);
  return a.size == b.size ? compare_contents(first, second, a, b, path, differences) : Result<void>{};
}

// Runs of neighbouring blocks: what the file holds from `logical` on lies from `physical` on.
Result<std::vector<Extent>> blocks_of(const ExtFiles& image, std::uint32_t inode, const std::string& path) {
  std::vector<Extent> runs;
  const auto collect = [](ext2_filsys, blk64_t* block, e2_blkcnt_t logical, blk64_t, int, void* data) {
    auto& found = *static_cast<std::vector<Extent>*>(data);
    const auto at = static_cast<std::uint64_t>(logical);
    if (!found.empty() && found.back().logical + found.back().count == at &&
        found.back().physical + found.back().count == *block)
      ++found.back().count;
    else
      found.push_back({at, *block, 1});
    return 0;
  };
  CG_EXT2(fmt::format("{}: {}", image.name(), path),
          iterate_blocks(image.filesystem(), inode, BLOCK_FLAG_DATA_ONLY, collect, &runs));
  return runs;
}

Result<void> compare_storage(const ExtFiles& first, const ExtFiles& second, const FileInfo& a,
                             const FileInfo& b, const std::string& path, Differences& differences) {
  differences.compare(path, "inode", std::uint64_t{a.inode}, std::uint64_t{b.inode});
  ext2_inode_large one{};
  ext2_inode_large other{};
  for (auto [image, number, inode] :
       {std::tuple{&first, a.inode, &one}, std::tuple{&second, b.inode, &other}})
    CG_EXT2(fmt::format("{}: {}", image->name(), path),
            ext2fs_read_inode_full(image->filesystem(), number, reinterpret_cast<ext2_inode*>(inode),
                                   sizeof *inode));
  const auto field = [&](const char* what, std::uint64_t left, std::uint64_t right) {
    differences.compare(path, what, left, right);
  };
  field("inode flags", one.i_flags, other.i_flags);
  field("generation", one.i_generation, other.i_generation);
  field("access time", one.i_atime, other.i_atime);
  field("change time", one.i_ctime, other.i_ctime);
  field("birth time", one.i_crtime, other.i_crtime);
  field("sectors", one.i_blocks, other.i_blocks);
  field("attribute block", one.i_file_acl, other.i_file_acl);
  field("extra inode size", one.i_extra_isize, other.i_extra_isize);
  field("project", one.i_projid, other.i_projid);
  if (!ext2fs_inode_has_valid_blocks2(first.filesystem(), reinterpret_cast<ext2_inode*>(&one)) ||
      !ext2fs_inode_has_valid_blocks2(second.filesystem(), reinterpret_cast<ext2_inode*>(&other)))
    return {};
  CG_TRY(left, blocks_of(first, a.inode, path));
  CG_TRY(right, blocks_of(second, b.inode, path));
  const auto same = [](const Extent& x, const Extent& y) {
    return x.logical == y.logical && x.physical == y.physical && x.count == y.count;
  };
  const auto [at, there] = std::mismatch(left.begin(), left.end(), right.begin(), right.end(), same);
  const auto text = [](const std::vector<Extent>& runs, std::vector<Extent>::const_iterator it) {
    return it == runs.end()
               ? std::string("none")
               : fmt::format("{}-{} at {}", it->logical, it->logical + it->count - 1, it->physical);
  };
  if (at != left.end() || there != right.end())
    differences.add(path, "blocks", text(left, at), text(right, there));
  return {};
}

}  // namespace

Result<void> compare_files(const ImageReader& first, const ImageReader& second, CompareScope scope,
                           Differences& differences) {
  CG_TRY(ours, files_of(first));
  CG_TRY(theirs, files_of(second));
  const auto* const ext = first.as<ExtFiles>();
  const auto* const other = second.as<ExtFiles>();
  auto a = ours.begin();
  auto b = theirs.begin();
  while (!differences.full() && (a != ours.end() || b != theirs.end())) {
    if (b == theirs.end() || (a != ours.end() && a->first < b->first)) {
      differences.add(a->first, "exists", std::string(to_string(a->second.meta.type)), "");
      ++a;
    } else if (a == ours.end() || b->first < a->first) {
      differences.add(b->first, "exists", "", std::string(to_string(b->second.meta.type)));
      ++b;
    } else {
      CG_CHECK(compare_one(first, second, a->second, b->second, a->first, differences));
      if (scope == CompareScope::everything && ext && other)
        CG_CHECK(compare_storage(*ext, *other, a->second, b->second, a->first, differences));
      ++a;
      ++b;
    }
  }
  return {};
}

}  // namespace cg::image
