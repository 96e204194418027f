// Changes an existing ext2/3/4 image, wherever in its file the file system lies, or an initrd: all of the
// changes or, whatever fails, none. The whole edit is worked out in memory first (overlay.h), so an image
// that is too small is refused before anything is written. Then either a copy takes the image's name when it
// is complete and synced, or the image itself is changed under the protection of an undo journal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "image/disk/verity.h"
#include "image/initrd/writer.h"
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

// A link to the image stays a link. Refused: an image in use, not cleanly unmounted, damaged, or with
// features that cannot be edited safely.
Result<EditSummary> edit(const std::filesystem::path& image, const std::vector<Change>& changes,
                         const EditOptions& options = {});

}  // namespace cg::image
