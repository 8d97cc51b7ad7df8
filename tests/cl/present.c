/* Is there an OpenCL device? Exits 0, or 77 (which ctest takes for "skipped") with the reason. */
#include <socle/sys/backend.h>
#include <stdio.h>

int main(void)
{
    socle_device *d = socle_device_open("cl", (socle_device_desc){ 0 });
    if (d == NULL) {
        printf("skipped: %s\n", socle_error());
        return 77;
    }
    printf("on %s\n", socle_device_name(d));
    socle_device_close(d);
    return 0;
}
