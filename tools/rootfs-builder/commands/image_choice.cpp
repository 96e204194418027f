#include "commands/image_choice.h"

#include <ostream>

namespace cg {

Result<image::ImageReader> ImageChoice::open(Context& context) const {
  CG_TRY(reader, image::ImageReader::open(image, partition));
  if (const std::string remark = reader.remark(); !remark.empty()) context.env.err << remark << "\n";
  return reader;
}

void add_image_choice(CLI::App& command, ImageChoice& choice) {
  command
      .add_option(
          "IMAGE", choice.image,
          "An image: ext4 or EROFS, raw or partitioned by MBR, GPT or as a Kata DAX disk, or an initrd")
      ->required();
  command
      .add_option("--partition", choice.partition, "The partition, where more than one holds a file system")
      ->type_name("N");
}

}  // namespace cg
