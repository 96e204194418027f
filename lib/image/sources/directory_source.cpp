#include <optional>

#include "base/io/read_ahead.h"
#include "image/sources/directory_reader.h"
#include "image/sources/sources.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

// Takes the batches in their order. A file whose bytes come in pieces is open until the next entry.
class DirectoryTaker {
 public:
  DirectoryTaker(NewFiles& image, const fs::path& directory) : image_(image), directory_(directory) {}

  Result<void> take(HostBatch& batch) {
    auto piece = batch.pieces.begin();
    for (std::size_t at = 0; at <= batch.entries.size(); ++at) {
      for (; piece != batch.pieces.end() && piece->entries == at; ++piece)
        CG_CHECK(image_.append(piece->offset, batch.of(*piece)));
      if (at < batch.entries.size()) CG_CHECK(take(std::move(batch.entries[at])));
    }
    return {};
  }

  Result<void> finish() {
    if (!open_) return {};
    CG_CHECK(image_.end_content(open_->index, open_->size));
    open_.reset();
    return {};
  }

 private:
  Result<void> take(HostEntry entry) {
    CG_CHECK(finish());
    if (!entry.first.empty()) return image_.tree().add_hard_link(entry.path, entry.first);
    const bool regular = entry.meta.type == NodeType::regular;
    auto bytes = std::move(entry.bytes);
    CG_TRY(index, image_.tree().add(entry.path, std::move(entry.meta)));
    if (!regular || entry.size == 0) return {};
    if (bytes) {
      image_.set_bytes(index, std::move(*bytes));
      return {};
    }
    if (!image_.stores_at_once()) {
      image_.set_host_file(index, directory_.string() + entry.path, entry.size);
      return {};
    }
    image_.begin_content(std::move(entry.path));
    open_ = Open{index, entry.size};
    return {};
  }

  struct Open {
    InodeIndex index = 0;
    std::uint64_t size = 0;
  };
  NewFiles& image_;
  fs::path directory_;
  std::optional<Open> open_;
};

}  // namespace

Result<void> add_directory(NewFiles& image, const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return cannot(directory.string() + ": not a directory");
  image.tree().begin_layer();
  using Contents = DirectoryReader::Contents;
  DirectoryReader reader(directory, image.stores_at_once() ? Contents::read : Contents::left);
  ReadAhead<HostBatch> ahead([&](HostBatch& batch) { return reader.read(batch); });
  DirectoryTaker taker(image, directory);
  HostBatch batch;
  for (;;) {
    CG_TRY(more, ahead.next(batch));
    if (!more) return taker.finish();
    CG_CHECK(taker.take(batch));
  }
}

}  // namespace cg::image
