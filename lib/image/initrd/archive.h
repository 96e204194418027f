// An initrd as the kernel unpacks it (Linux init/initramfs.c): any number of archives, plain or each in a
// compression of its own, one after the other with zeros between, whose entries lie over those before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/result.h"
#include "compress/codec.h"
#include "image/bytes/device.h"
#include "image/tree/file_tree.h"

namespace cg::image {

struct InitrdMember {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;
  std::optional<Codec> codec;  // none: plain
  std::uint64_t unpacked = 0;
  std::uint64_t entries = 0;  // without the trailer
  bool trailer = false;
  bool firmware = false;  // has nothing but /kernel: what boot code reads before there are files
};

struct InitrdLimits {
  std::uint64_t unpacked = 0;  // bytes; 0: by the size of the file
  std::uint64_t entries = limits::entries;
};

class InitrdArchive {
 public:
  // `file` is not owned. What is compressed is unpacked once, into a file without a name. Refused: what the
  // kernel stops at, entries that lead out of the root or have no name, and more than the limits.
  static Result<InitrdArchive> read(Device& file, const InitrdLimits& limits = {});
  InitrdArchive(InitrdArchive&&) noexcept;
  InitrdArchive& operator=(InitrdArchive&&) noexcept;
  ~InitrdArchive();

  FileTree& tree() { return *tree_; }
  const FileTree& tree() const { return *tree_; }
  const std::vector<InitrdMember>& members() const { return members_; }
  // What the kernel passes over in silence; the first few of fault_count().
  const std::vector<std::string>& faults() const { return faults_; }
  std::uint64_t fault_count() const { return fault_count_; }
  bool lost_entries() const { return lost_; }

 private:
  class Reader;
  struct Spool;
  InitrdArchive();

  std::unique_ptr<FileTree> tree_;
  std::unique_ptr<Spool> spool_;
  std::vector<InitrdMember> members_;
  std::vector<std::string> faults_;
  std::uint64_t fault_count_ = 0;
  bool lost_ = false;
};

}  // namespace cg::image
