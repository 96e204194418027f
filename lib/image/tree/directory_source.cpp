#include <optional>

#include "base/read_ahead.h"
#include "image/tree/directory_reader.h"
#include "image/tree/sources.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

// Takes the batches in their order. A file whose bytes come in pieces is open until the next entry.
class DirectoryTaker {
 public:
  DirectoryTaker(ImageBuilder& builder, const fs::path& directory)
      : builder_(builder), directory_(directory) {}

  Result<void> take(HostBatch& batch) {
    auto piece = batch.pieces.begin();
    for (std::size_t at = 0; at <= batch.entries.size(); ++at) {
      for (; piece != batch.pieces.end() && piece->entries == at; ++piece)
        CG_CHECK(builder_.content().append(piece->offset, batch.of(*piece)));
      if (at < batch.entries.size()) CG_CHECK(take(std::move(batch.entries[at])));
    }
    return {};
  }

  Result<void> finish() {
    if (!open_) return {};
    CG_TRY(extents, builder_.content().finish());
    builder_.set_stored(open_->index, std::move(extents), open_->size);
    open_.reset();
    return {};
  }

 private:
  Result<void> take(HostEntry entry) {
    CG_CHECK(finish());
    if (!entry.first.empty()) return builder_.tree().add_hard_link(entry.path, entry.first);
    const bool regular = entry.meta.type == NodeType::regular;
    CG_TRY(index, builder_.tree().add(entry.path, std::move(entry.meta)));
    if (!regular || entry.size == 0) return {};
    if (!builder_.stores_at_once()) {
      builder_.set_host_file(index, directory_.string() + entry.path, entry.size);
      return {};
    }
    builder_.content().begin(std::move(entry.path));
    open_ = Open{index, entry.size};
    return {};
  }

  struct Open {
    InodeIndex index = 0;
    std::uint64_t size = 0;
  };
  ImageBuilder& builder_;
  fs::path directory_;
  std::optional<Open> open_;
};

}  // namespace

Result<void> add_directory(ImageBuilder& builder, const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return cannot(directory.string() + ": not a directory");
  builder.tree().begin_layer();
  using Contents = DirectoryReader::Contents;
  DirectoryReader reader(directory, builder.stores_at_once() ? Contents::read : Contents::left);
  ReadAhead<HostBatch> ahead([&](HostBatch& batch) { return reader.read(batch); });
  DirectoryTaker taker(builder, directory);
  HostBatch batch;
  for (;;) {
    CG_TRY(more, ahead.next(batch));
    if (!more) return taker.finish();
    CG_CHECK(taker.take(batch));
  }
}

}  // namespace cg::image
