// What the service puts into its page: its limits, its options, and pictures to try.

const { limits: LIMITS, options: OPTIONS, samples: SAMPLES } = JSON.parse(find("page-data").textContent);
