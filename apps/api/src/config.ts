export { apiConfig, type ApiConfig } from '@tallyfleet/config'
