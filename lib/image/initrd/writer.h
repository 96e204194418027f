// Writes initrds: cpio archives of the "newc" kind, compressed or not. Inode numbers are counted from 1 and
// nothing tells where or when it was made: the same files give the same bytes.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compress/encoder.h"
#include "image/initrd/archive.h"
#include "image/options/compression.h"
#include "image/options/image_options.h"
#include "image/tree/image_files.h"
#include "image/tree/tree.h"

namespace cg::image {

// What the last compressed archive of an initrd has, as its kernel must know it; none where it cannot be
// written here.
Compression compression_like(const std::vector<InitrdMember>& members);

// One archive, entry by entry, to where `fd` stands.
class InitrdWriter {
 public:
  InitrdWriter(int fd, std::string name, Compression compression,
               std::optional<std::int64_t> newest = {});  // later times become this one

  using Content = std::function<Result<void>(const ImageFiles::Sink& sink)>;
  // `path` from the root, with a leading "/". Of a file with several names, which its inode number tells, the
  // first carries the bytes.
  Result<void> add(const std::string& path, const FileInfo& info, const Content& content);
  Result<void> end();
  InitrdSummary summary;

 private:
  Result<void> put(std::string_view bytes);
  Result<void> pad(std::size_t step);
  Result<void> out(std::span<const std::byte> bytes);
  Result<void> flush();

  int fd_;
  std::string name_;
  std::optional<std::int64_t> newest_;
  Result<std::unique_ptr<Encoder>> encoder_;  // nullptr: none
  std::string buffer_;
  std::uint64_t count_ = 0;
  std::uint32_t next_ = 1;
  std::map<std::uint32_t, std::uint32_t> numbers_;  // of files with several names, by their inode
};

struct InitrdOptions {
  Compression compression = Compression::gzip;
  std::optional<std::int64_t> newest;
};

Result<void> check_initrd_compression(const std::string& name);
// Everything in the image but an empty lost+found. The kernel starts /init: where there is none, a link to
// /sbin/init or to systemd is added, as Kata's builder does. An initrd is written as write_repacked() says.
Result<Summary> make_initrd(const ImageFiles& image, const std::filesystem::path& destination,
                            const ImageOptions& options);
// The same of a tree whose stored blocks are in `blocks`.
Result<Summary> write_initrd_of(const Tree& tree, Device& blocks, int fd, const std::string& name,
                                const ImageOptions& options);
// An initrd as one archive, with nothing in it that a later entry replaces. A first plain archive of
// firmware, which boot code reads in place, stays before it as it is in `file`.
Result<InitrdSummary> write_repacked(const InitrdArchive& archive, Device& file, int fd,
                                     const InitrdOptions& options);
// The number of bytes at the front that are kept so, with the zeros behind them.
std::uint64_t firmware_bytes(const InitrdArchive& archive);

}  // namespace cg::image
