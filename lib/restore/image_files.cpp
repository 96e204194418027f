// The files of a root image, looked at without a mount.
#include <optional>

#include "image/reader.h"
#include "programs/image_tree.h"
#include "restore/build_id.h"
#include "restore/place.h"

namespace cg::restore {
namespace {

class UnmountedFiles final : public Files {
 public:
  explicit UnmountedFiles(image::ImageReader reader) : reader_(std::move(reader)), tree_(reader_) {}

  Result<std::optional<Seen>> look(const std::string& path) const override {
    CG_TRY(found, resolve(tree_, path));
    if (!found.entry) return std::nullopt;
    CG_TRY(info, reader_.stat(found.path));
    return Seen{image::type_bits(info.meta.type) | info.meta.mode, info.size};
  }
  Result<std::string> build_id(const std::string& path) const override {
    CG_TRY(found, resolve(tree_, path));
    return restore::build_id([&](std::uint64_t offset, std::size_t most) {
      const std::string bytes = tree_.read(found.path, offset + most).value_or("");
      return offset < bytes.size() ? bytes.substr(offset) : "";
    });
  }
  bool is_read_only(const std::string&) const override { return false; }
  std::optional<Room> room(const std::string&) const override { return std::nullopt; }
  bool is_locked(const std::string&, const checkpoint::FileLock&) const override { return false; }

 private:
  image::ImageReader reader_;
  ImageTree tree_;
};

}  // namespace

Result<std::unique_ptr<Files>> files_of_image(const std::string& image) {
  CG_TRY(reader, image::ImageReader::open(image));
  return std::make_unique<UnmountedFiles>(std::move(reader));
}

}  // namespace cg::restore
