// How an image shall be changed, and what came of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/bytes/device.h"
#include "image/disk/layout.h"
#include "image/disk/verity.h"
#include "image/options/compression.h"
#include "image/tree/change.h"

namespace cg::image {

enum class EditMode { copy, in_place };
enum class Growth { never, as_needed };
enum class VerityPolicy { rebuild_certain, rebuild_likely };  // frame.h: VerityPartition::Evidence

struct EditOptions {
  std::optional<unsigned> partition;
  EditMode mode = EditMode::copy;
  Growth growth = Growth::never;  // of file system, partition and file, when there is no room
  VerityPolicy verity = VerityPolicy::rebuild_certain;  // a likely tree is refused then
  std::optional<std::int64_t> source_date_epoch;        // newer times become this one
  enum class Initrd { append, repack } initrd = Initrd::append;
  std::optional<Compression> compression;  // of what is written to an initrd; default: as its last archive's
  std::function<void(const std::string&)> say;  // what the user should know besides; may be empty
};

struct EditSummary {
  std::vector<Changed> changes;
  std::uint64_t grown_bytes = 0;
  std::optional<VerityTree> verity;  // made anew
};

// The image at hand.
struct EditTarget {
  const std::filesystem::path& image;  // no symbolic link
  int fd;                              // open and locked
  FileDevice& disk;                    // over it; has the name for messages
  const DiskLayout& layout;
  Place place;  // of what is changed
};

}  // namespace cg::image
