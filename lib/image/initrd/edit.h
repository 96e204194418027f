// Changes an existing initrd: by an archive appended to it, whose entries lie over the old ones when the
// kernel unpacks them, or by writing the whole anew.
#pragma once

#include "image/bytes/device.h"
#include "image/edit.h"
#include "image/tree/editor.h"

namespace cg::image {

// `target` is the image, no symbolic link, `fd` it, open and locked; `disk` is over it and has the name for
// messages. `sources` has an open file for each injection among `changes`.
struct InitrdTarget {
  const std::filesystem::path& image;
  int fd;
  FileDevice& disk;
};
Result<EditSummary> edit_initrd(const InitrdTarget& target, const std::vector<Change>& changes,
                                std::vector<SourceFile>& sources, const EditOptions& options);

}  // namespace cg::image
