// How a new image shall be, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "image/disk/frame.h"
#include "image/disk/layout.h"
#include "image/disk/uuid.h"
#include "image/disk/verity.h"
#include "image/options/size.h"

namespace cg::image {

struct ImageOptions {
  ContentKind file_system = ContentKind::ext;  // one that formats.h has
  SizePolicy size;                             // of the whole file
  Frame frame;
  std::string label;
  std::optional<Uuid> uuid;                       // default: derived from the tree's metadata
  std::optional<std::uint64_t> journal_bytes;     // 0: none; default: by size
  std::optional<std::uint64_t> inodes;            // at least; default: some more than the tree has
  std::optional<std::uint64_t> bytes_per_inode;   // of the whole file system
  std::optional<std::int64_t> source_date_epoch;  // newer times become this one
  std::string compression;                        // its name; empty: what is usual for the file system
};

struct ImageSummary {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t free_blocks = 0;
  std::uint64_t inodes = 0;
  std::uint64_t used_inodes = 0;
  std::uint64_t files = 0;  // regular ones
  std::uint64_t directories = 0;
  std::uint64_t data_bytes = 0;  // of regular files, as their sizes say
  std::string uuid;
  std::optional<VerityTree> verity;
};

struct InitrdSummary {
  std::uint64_t files = 0;       // entries
  std::uint64_t bytes = 0;       // before compression
  std::uint64_t attributes = 0;  // that were left out: newc has no place for them
};

using Summary = std::variant<ImageSummary, InitrdSummary>;

}  // namespace cg::image
