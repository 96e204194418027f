#include "commands/image_choice.h"

#include <ostream>

namespace cg {

Result<image::ImageReader> ImageChoice::open(Context& context) const {
  CG_TRY(reader, image::ImageReader::open(image, partition));
  if (const std::string remark = reader.remark(); !remark.empty()) context.env.err << remark << "\n";
  return reader;
}

std::vector<Option> image_choice_options(ImageChoice& choice, std::vector<Option> more) {
  more.insert(more.begin(),
              {{"IMAGE",
                &choice.image,
                "An image: ext4 or EROFS, raw or partitioned by MBR, GPT or as a Kata DAX disk, or an initrd",
                {.required = true}},
               {"--partition", &choice.partition, "The partition, where more than one holds a file system"}});
  return more;
}

}  // namespace cg
