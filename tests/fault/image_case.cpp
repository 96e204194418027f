// The helpers of tests/image, in this program too.
#include "../image/image_case.cpp"
